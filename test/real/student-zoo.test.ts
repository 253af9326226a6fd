// Students of every encoder of the zoo: cut layers agree with the teacher's inner values, narrowed ones run; minilm-sst2 scores as PyTorch's.
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { boundariesOf, outOf } from '../../src/bert/boundaries.ts';
import { recognise } from '../../src/bert/recognise.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import type { Model } from '../../src/ir/graph.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { keepLayers } from '../../src/passes/student/keep-layers.ts';
import { narrowFfn } from '../../src/passes/student/narrow-ffn.ts';
import { narrowHeads } from '../../src/passes/student/narrow-heads.ts';
import { openSession, type HostTensor, type ValueSpec } from '../../src/runtime/session.ts';
import { validate } from '../../src/validate.ts';
import { quietContext } from '../support/graphs.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

const names = zoo().filter((name) => !name.startsWith('neg-'));
const isFloat = (name: string): boolean => !/ortdynq|ortqdq|ortqop|ortfp16/.test(name);

describeWith('zoo', 'students of the zoo', () => {
  it.each(names)('%s: the first layer alone gives what it gives in the teacher', async (name) => {
    const teacher = readModel(shared(`zoo/${name}/model.onnx`));
    const encoder = recognise(teacher).encoders[0]!;
    const cut = boundariesOf(teacher.graph, encoder);
    if (typeof cut === 'string') throw new Error(cut);
    if (cut.out === undefined) {
      // SqueezeBERT turns [batch, hidden, sequence] round behind its last layer
      expect(name).toMatch(/squeezebert/);
      return;
    }
    const { model } = keepLayers.run(teacher, { layers: [0] }, quietContext);
    checkGraph(model.graph, name);
    const found = recognise(model).encoders[0]!;
    expect(found.layers).toHaveLength(1);
    const mine = boundariesOf(model.graph, found);
    const end = typeof mine === 'string' ? undefined : mine.out;
    const [a, b] = [await inner(model, end!), await inner(teacher, outOf(cut, 0)!)];
    expect(a.length).toBe(b.length);
    expect(Math.max(...Array.from(a, (x, i) => Math.abs(Number(x) - Number(b[i]))))).toBeLessThan(1e-6);
  });

  it.each(names)('%s: the last layer alone runs', async (name) => {
    const teacher = readModel(shared(`zoo/${name}/model.onnx`));
    const last = recognise(teacher).encoders[0]!.layers.length - 1;
    const { model } = keepLayers.run(teacher, { layers: [last] }, quietContext);
    expect(shapes(await run(model))).toEqual(shapes(await run(teacher)));
  });

  it.each(names.filter(isFloat))('%s: narrowed, or refused with the reason', async (name) => {
    const teacher = readModel(shared(`zoo/${name}/model.onnx`));
    const wanted = shapes(await run(teacher));
    const heads = Math.min(...recognise(teacher).encoders[0]!.layers.map(({ attention }) => attention.heads ?? 1));
    const refused = [];
    for (const narrow of [
      () => narrowFfn.run(teacher, { ffn: 8 }, quietContext),
      () => narrowHeads.run(teacher, { heads: Math.max(1, heads - 1) }, quietContext),
    ]) {
      try {
        const { model } = narrow();
        checkGraph(model.graph, name);
        expect(shapes(await run(model))).toEqual(wanted);
      } catch (error) {
        refused.push(/^(ffn|heads of|')/.exec(String((error as Error).message))?.[0] ?? error);
      }
    }
    expect(refused).toEqual(expected(name));
  });
});

/** What cannot be narrowed: terms a head, heads beside convolutions, fewer heads of keys, convolutions in groups. */
function expected(name: string): string[] {
  if (/squeezebert/.test(name)) return ["'", 'heads of'];
  return /relkey|convbert|deberta|eurobert/.test(name) ? ['heads of'] : [];
}

describeWith('models/minilm-sst2', 'minilm-sst2', () => {
  it('scores 80.39 on SST-2 dev with layers 2, 4 and 6, as PyTorch does', async () => {
    const teacher = shared('models/minilm-sst2');
    const model = keepLayers.run(readModel(join(teacher, 'onnx/model.onnx')), { layers: 3 }, quietContext);
    const path = join(tempDir(), 'student.onnx');
    writeModel(model.model, path);
    const report = await validate(teacher, [path], { data: shared('data/sst2/dev.tsv'), bench: false });
    expect(report.accuracy?.after).toBeCloseTo(701 / 872, 6);
  });
});

/** A value of the graph. */
async function inner(model: Model, value: string): Promise<ArrayLike<number | bigint>> {
  const copy = cloneModel(model);
  copy.graph.outputs = copy.graph.outputs.filter(({ name }) => name === value);
  if (copy.graph.outputs.length === 0) copy.graph.outputs = [{ name: value }];
  return (await run(copy))[value]!.data;
}

async function run(model: Model): Promise<Record<string, HostTensor>> {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path, { externalData: false });
  const session = await openSession(path, { threads: 1, optimize: false });
  try {
    return await session.run(Object.fromEntries(session.inputs.map((input) => [input.name, feed(input)])));
  } finally {
    await session.release();
  }
}

function shapes(outputs: Readonly<Record<string, HostTensor>>): string[] {
  return Object.entries(outputs).map(([name, { dims }]) => `${name} [${dims.join(', ')}]`);
}

/** 2 texts of 16 tokens, no padding. */
function feed({ name, dtype, shape }: ValueSpec): HostTensor {
  const dims = shape.map((dim, i) => (typeof dim === 'number' ? dim : i === 0 ? 2 : 16));
  const count = dims.reduce((product, dim) => product * dim, 1);
  const value = (i: number): number => {
    if (/mask/i.test(name)) return 1;
    if (/type|segment|bbox/i.test(name)) return 0;
    return /pos/i.test(name) ? i % 16 : (i * 7 + 3) % 50;
  };
  const values = Array.from({ length: count }, (_, i) => value(i));
  if (dtype === 'int64') return { dtype, dims, data: BigInt64Array.from(values, BigInt) };
  return { dtype, dims, data: dtype === 'int32' ? Int32Array.from(values) : Float32Array.from(values) };
}
