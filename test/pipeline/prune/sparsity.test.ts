// Layers are made sparse one after the other: what a layer reads is measured behind the sparse layers before it.
import { expect, it } from 'vitest';
import type { Encoding } from '../../../src/data/tokenizer/tokenizer.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { cloneModel } from '../../../src/ir/clone.ts';
import { sparsifyOptions } from '../../../src/passes/sparsify/amount.ts';
import { findSparse } from '../../../src/passes/sparsify/sparsify.ts';
import { silent } from '../../../src/pipeline/events.ts';
import { sparsifyByLayer } from '../../../src/pipeline/prune/sparsity.ts';
import { tinyBert } from '../../support/bert.ts';

const options = sparsifyOptions.parse({ sparsity: 0.7, method: 'sparsegpt' });
const encodings = Array.from({ length: 30 }, (_, t) => ({
  ids: Int32Array.from({ length: 4 + (t % 5) }, (_, i) => 10 + ((7 * i + 13 * t) % 80)),
  segments: new Uint8Array(4 + (t % 5)),
})) as unknown as Encoding[]; // only ids and segments are read
const roles = { ids: 'input_ids', mask: 'attention_mask', segments: 'token_type_ids' };
const feeding = { inputs: [], roles, fixed: {}, padId: 0, padSide: 'right' as const };
const names = (layer: number): string[] =>
  findSparse(tinyBert(), options)
    .targets.filter((target) => target.layer === layer)
    .map(({ name }) => name);
const run = async (model: Model, exclude: string[]): Promise<Model> =>
  (await sparsifyByLayer(model, { ...options, exclude }, { encodings, feeding }, { seed: 0, threads: 1 }, silent))
    .model;
const same = (a: Model, b: Model, name: string): boolean =>
  Buffer.from(a.graph.initializers.get(name)!.bytes()).equals(b.graph.initializers.get(name)!.bytes());

it('as if each layer were a job of its own behind the last', async () => {
  const [first, second] = [names(0), names(1)];
  const whole = await run(tinyBert(), []);
  const half = await run(tinyBert(), second);
  const both = await run(cloneModel(half), first);
  const alone = await run(tinyBert(), first);
  for (const name of [...first, ...second]) expect(same(both, whole, name)).toBe(true);
  expect(second.some((name) => same(alone, whole, name))).toBe(false);
});
