// Pruned models of the zoo against the whole ones with the outputs of what went multiplied by zero or a scale.
import { expect, it } from 'vitest';
import { recognise } from '../../src/bert/recognise.ts';
import type { Model } from '../../src/ir/graph.ts';
import { checkGraph } from '../../src/ir/verify.ts';
import { readModel } from '../../src/onnx/read.ts';
import { prunePass } from '../../src/passes/prune/prune.ts';
import type { KeptLayer } from '../../src/passes/prune/keep-plan.ts';
import { blocksOf, type Block } from '../../src/passes/structure/blocks.ts';
import { quietContext } from '../support/graphs.ts';
import { masked } from '../support/masked.ts';
import { runFed } from '../support/run-fed.ts';
import { describeWith, shared, zoo } from '../support/shared.ts';

const names = zoo().filter((name) => !/^neg-|ortdynq|ortqdq|ortqop|ortfp16/.test(name));

/** What is not cut, with the reason. */
const refused: readonly (readonly [name: RegExp, what: 'heads' | 'neurons', why: string])[] = [
  [/relkey|deberta/, 'heads', 'terms of relative positions a head'],
  [/convbert/, 'heads', 'heads of other sizes'],
  [/eurobert/, 'heads', 'fewer heads of keys than of queries'],
  [/squeezebert/, 'heads', 'convolutions of 4 groups'],
  [/squeezebert/, 'neurons', 'convolutions of 4 groups'],
];

/** All but every third. */
function some(count: number, from: number): number[] {
  return Array.from({ length: count }, (_, i) => i).filter((i) => count < 2 || i % 3 !== from % 3);
}

/** Layers that share weights keep the same. */
function plans(blocks: readonly Block[]): Record<'heads' | 'neurons', KeptLayer[][]> {
  const whole = blocks.map(({ attention, ffn }) => ({
    heads: some(attention.heads ?? 0, NaN),
    ffn: ffn.map(({ width }) => some(width, NaN)),
  }));
  const tied = blocks.map((block) => block.tied);
  const last = tied.at(-1)!;
  return {
    heads: [
      whole.map((one, i) => {
        const heads = some(one.heads.length, tied[i]! + 1);
        return { ...one, heads, headScales: heads.map((head) => 0.75 + head / 4) };
      }),
      // where all layers share their weights there is none to go without
      ...(last === 0 ? [] : [whole.map((one, i) => (tied[i] === last ? { ...one, heads: [] } : one))]),
    ],
    neurons: [
      whole.map((one, i) => {
        const ffn = one.ffn.map((all, j) => some(all.length, tied[i]! + j));
        return { ...one, ffn, ffnScales: ffn.map((kept) => kept.map((neuron) => 0.5 + (neuron % 5) / 4)) };
      }),
      whole.map((one, i) => (tied[i] === 0 ? { ...one, ffn: one.ffn.map(() => []) } : one)),
    ],
  };
}

describeWith('zoo', 'pruned models of the zoo', () => {
  it.each(names.flatMap((name) => (['heads', 'neurons'] as const).map((what) => [name, what] as const)))(
    '%s: %s',
    { timeout: 60_000 },
    async (name, what) => {
      const model = readModel(shared(`zoo/${name}/model.onnx`));
      const blocks = blocksOf(model, recognise(model));
      const why = refused.find(([pattern, part]) => part === what && pattern.test(name))?.[2];
      for (const layers of plans(blocks)[what]) {
        const run = (): Model => prunePass.run(model, { layers }, quietContext).model;
        if (why !== undefined) {
          expect(run).toThrow(why);
          continue;
        }
        const cut = run();
        checkGraph(cut.graph, name);
        const wanted = await runFed(masked(model, blocks, layers));
        for (const optimize of [false, true]) expectNear(await runFed(cut, optimize), wanted);
      }
    },
  );
});

/** Within 1e-5, and where numbers are large 1e-5 of them. */
function expectNear(found: Awaited<ReturnType<typeof runFed>>, wanted: typeof found): void {
  for (const [name, { dims, data }] of Object.entries(wanted)) {
    expect(found[name]!.dims).toEqual(dims);
    data.forEach((x, i) => {
      const far = Math.abs(Number(x) - Number(found[name]!.data[i])) / Math.max(1, Math.abs(Number(x)));
      if (!(far < 2e-5)) expect(Number(found[name]!.data[i])).toBeCloseTo(Number(x), 5);
    });
  }
}
