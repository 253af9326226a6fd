// Sums over tokens of inner values, against the same sums of the values themselves; padding left out, also in models without a mask.
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Encoding } from '../../src/data/tokenizer/tokenizer.ts';
import { sumActivations, watch, type Watched } from '../../src/evaluate/activation-statistics.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import type { Model } from '../../src/ir/graph.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession } from '../../src/runtime/session.ts';
import { tinyBert } from '../support/bert.ts';
import { tempDir } from '../support/temp.ts';

const roles = { ids: 'input_ids', mask: 'attention_mask', segments: 'token_type_ids' };
const padding = { padId: 0, padSide: 'right' as const };
const texts = [3, 5, 5, 9, 2].map((length, t) => ({
  ids: Int32Array.from({ length }, (_, i) => 10 + ((7 * i + 13 * t) % 80)),
  segments: new Uint8Array(length),
})) as unknown as Encoding[]; // only ids and segments are read
const hidden = 'embeddings';

async function open(model: Model) {
  const path = join(tempDir(), 'model.onnx');
  writeModel(model, path);
  return openSession(path, { threads: 1 });
}

/** X^T X of a value over all texts, each run by itself, so that nothing is padded. */
async function direct(name: string, width: number): Promise<Float64Array> {
  const model = cloneModel(tinyBert());
  model.graph.outputs = [{ name, dtype: 'float32' }];
  const session = await open(model);
  const sums = new Float64Array(width * width);
  for (const { ids } of texts) {
    const int64 = (values: (id: number) => number) => ({
      dtype: 'int64' as const,
      dims: [1, ids.length],
      data: BigInt64Array.from([...ids], (id) => BigInt(values(id))),
    });
    const feeds = { input_ids: int64((id) => id), attention_mask: int64(() => 1), token_type_ids: int64(() => 0) };
    const x = (await session.run(feeds))[name]!.data as Float32Array;
    for (let t = 0; t < x.length; t += width)
      for (let i = 0; i < width; i++) for (let j = 0; j < width; j++) sums[i * width + j]! += x[t + i]! * x[t + j]!;
  }
  await session.release();
  return sums;
}

async function sums(watched: readonly Watched[], maxTokens: number) {
  const model = watch(tinyBert(), watched);
  const session = await open(model.model);
  const found = await sumActivations(session, model, roles, padding, texts, { maxTokens });
  await session.release();
  return found;
}

describe('sums of activations', () => {
  it.each([4, 16, 4096])('are those of the tokens, padding left out, %d tokens a run', async (maxTokens) => {
    const found = await sums([{ value: hidden, width: 16, each: 'token', sum: 'products' }], maxTokens);
    const wanted = await direct(hidden, 16);
    expect(found.tokens).toBe(24);
    found.sums.get(hidden)!.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 3));
  });

  it('squares are the diagonal', async () => {
    const found = await sums([{ value: hidden, width: 16, each: 'token', sum: 'squares' }], 16);
    const wanted = await direct(hidden, 16);
    found.sums.get(hidden)!.forEach((x, i) => expect(x).toBeCloseTo(wanted[i * 17]!, 3));
  });

  it('of a value with a row a text are over the texts', async () => {
    const { graph } = tinyBert();
    const classifier = graph.nodes.findLast(({ op }) => op === 'MatMul' || op === 'Gemm')!.inputs[0]!;
    const found = await sums([{ value: classifier, width: 16, each: 'text', sum: 'products' }], 16);
    const wanted = await direct(classifier, 16);
    found.sums.get(classifier)!.forEach((x, i) => expect(x).toBeCloseTo(wanted[i]!, 3));
  });

  it('cut away what they do not need', () => {
    const { model } = watch(tinyBert(), [{ value: hidden, width: 16, each: 'token', sum: 'squares' }]);
    expect(model.graph.nodes.some(({ op }) => op === 'Softmax')).toBe(false);
    expect([...model.graph.initializers.keys()].some((name) => name.startsWith('layer.'))).toBe(false);
  });
});
