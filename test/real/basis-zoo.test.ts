// A basis for all layers over the zoo: of full rank it changes nothing, of half the parameters the layers are still recognised; what it refuses
// is refused with a reason.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { recognise } from '../../src/bert/recognise.ts';
import { UserError } from '../../src/errors.ts';
import type { Model } from '../../src/ir/graph.ts';
import { countParams } from '../../src/ir/params.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { basesOf, type Basis } from '../../src/passes/share/basis-sets.ts';
import { shareBasis, writeBases } from '../../src/passes/share/basis.ts';
import { blocksOf } from '../../src/passes/structure/blocks.ts';
import { openSession } from '../../src/runtime/session.ts';
import { quietContext } from '../support/graphs.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';
import { feedFor } from '../support/zoo-feeds.ts';

const names = zoo().filter((name) => !name.startsWith('neg-'));
const treated: string[] = [];

describeWith('zoo', 'a basis over the zoo', () => {
  it.each(names)('%s', async (name) => {
    const model = readModel(shared(`zoo/${name}/model.onnx`));
    const found = recognise(model);
    const first = found.encoders[0]?.layers.length ?? 0;
    const groups = { attention: [[...Array(first).keys()]], ffn: [[...Array(first).keys()]] };
    const bases = basesOrReason(() => {
      blocksOf(model, found);
      return basesOf(model, groups, undefined);
    });
    if (typeof bases === 'string') return expect(bases).toMatch(/expected .*, found/);
    treated.push(name);
    const whole = writeBases(model, bases, new Map(bases.map((basis) => [basis.name, basis.width])), undefined);
    checkGraph(whole.graph, name);
    const [before, after] = [await outputs(model), await outputs(whole)];
    for (const [output, values] of Object.entries(before)) {
      const size = Math.max(...values.map(Math.abs), 1e-3);
      const furthest = Math.max(...values.map((value, i) => Math.abs(value - after[output]![i]!)));
      expect(furthest / size, output).toBeLessThan(5e-3);
    }
    const { model: half, stats } = shareBasis.run(model, { ...groups, keep: 0.5 }, quietContext);
    checkGraph(half.graph, name);
    expect(countParams(model.graph) - countParams(half.graph)).toBe(stats['saved parameters']);
    const shape = (of: Model): unknown[] => recognise(of).encoders.map(({ layers, hidden }) => [hidden, layers.map(({ ffn }) => ffn.length)]); // prettier-ignore
    expect(shape(half)).toEqual(shape(model));
    for (const values of Object.values(await outputs(half))) expect(values.every(Number.isFinite)).toBe(true);
  });

  it('most of the zoo can be treated', () => expect(treated.length).toBeGreaterThan(60));
});

function basesOrReason(make: () => Basis[]): Basis[] | string {
  try {
    return make();
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return error.message;
  }
}

async function outputs(model: Model): Promise<Record<string, number[]>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path);
  const session = await openSession(path, { threads: 1 });
  try {
    const found = await session.run(Object.fromEntries(session.inputs.map((input) => [input.name, feedFor(input)])));
    return Object.fromEntries(Object.entries(found).map(([name, { data }]) => [name, Array.from(data, Number)]));
  } finally {
    await session.release();
  }
}
