// Batches: every sample once an epoch, in another order each time; what models without a mask or of one batch size get.
import { describe, expect, it } from 'vitest';
import { batchSource, strictBatches, type Feeding } from '../../src/objectives/batch-source.ts';
import { int64Tensor, type Goal, type Sample } from '../../src/objectives/goal.ts';
import { padSequences } from '../../src/objectives/pad.ts';
import type { TrainBatch } from '../../src/train/types.ts';

const lengths = Int32Array.from({ length: 103 }, (_, i) => 2 + ((i * 7) % 5));
const samples: Sample<number>[] = Array.from(lengths, (length, i) => ({
  sequences: [{ ids: new Int32Array(length).fill(i + 1), segments: new Uint8Array(length) }],
  target: i,
}));
const goal: Goal<number> = {
  task: 'none',
  sample: () => samples[0]!,
  feeds: (_batch, targets, random) => ({
    feeds: { who: int64Tensor([targets.length], targets), lot: int64Tensor([1], [random.below(2 ** 31)]) },
  }),
  appendLoss: () => ({ loss: '', inputs: [] }),
};
const input = (name: string) => ({ name, dtype: 'int64', shape: [null, null] }) as const;
const feeding: Feeding = {
  inputs: [input('ids'), input('mask')],
  roles: { ids: 'ids', mask: 'mask' },
  fixed: {},
  padId: 0,
  padSide: 'right',
};

async function epoch(feeding: Feeding, index: number, batch = 8): Promise<TrainBatch[]> {
  const batches: TrainBatch[] = [];
  const source = batchSource(samples, goal, feeding, { batch, seed: 5 });
  for await (const one of source.epoch(index, 0)) batches.push(one);
  expect(batches).toHaveLength(source.length);
  return batches;
}

const members = (batch: TrainBatch): number[] => [...batch.feeds['who']!.data].map(Number);

describe('batchSource', () => {
  it('gives every sample once, padded, the same for the same epoch', async () => {
    const [first, again, second] = [await epoch(feeding, 0), await epoch(feeding, 0), await epoch(feeding, 1)];
    expect(first.flatMap(members).toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
    expect(first).toEqual(again);
    expect(first.map(members)).not.toEqual(second.map(members));
    for (const batch of first) {
      const [size, sequence] = batch.feeds['ids']!.dims;
      expect(sequence).toBe(Math.max(...members(batch).map((i) => lengths[i]!)));
      const ids = [...batch.feeds['ids']!.data].map(Number);
      members(batch).forEach((who, row) => {
        const tokens = ids.slice(row * sequence!, (row + 1) * sequence!);
        expect(tokens).toEqual(Array.from({ length: sequence! }, (_, t) => (t < lengths[who]! ? who + 1 : 0)));
      });
      expect(size).toBe(batch.rows);
    }
  });

  it('draws other numbers for other batches', async () => {
    const lots = (await epoch(feeding, 0)).map((batch) => batch.feeds['lot']!.data[0]);
    expect(new Set(lots).size).toBe(lots.length);
  });

  it('gives a model without a mask sequences of one length', async () => {
    const maskless = { ...feeding, inputs: [input('ids')], roles: { ids: 'ids' } };
    const batches = await epoch(maskless, 0);
    expect(batches.flatMap(members).toSorted((a, b) => a - b)).toEqual([...lengths.keys()]);
    for (const batch of batches) expect(new Set(members(batch).map((i) => lengths[i])).size).toBe(1);
    expect(await epoch(maskless, 1)).toHaveLength(batches.length);
  });

  it('gives a model of one batch size full batches of its length', async () => {
    const batches = await epoch({ ...feeding, fixed: { batch: 10, sequence: 9 } }, 0);
    expect(batches.map((batch) => batch.feeds['ids']!.dims)).toEqual(Array.from({ length: 10 }, () => [10, 9]));
  });
});

describe('strictBatches', () => {
  it('are as many whatever the seed', () => {
    const cutting = { size: 4, whole: false, even: true };
    const counts = Array.from({ length: 20 }, (_, seed) => strictBatches(lengths, cutting, seed).length);
    expect(new Set(counts).size).toBe(1);
  });
});

describe('padSequences', () => {
  it('pads on the side that is asked for', () => {
    const sequences = [
      { ids: Int32Array.of(5, 6, 7), segments: Uint8Array.of(0, 1, 1) },
      { ids: Int32Array.of(8), segments: Uint8Array.of(1) },
    ];
    const left = padSequences(sequences, { padId: 9, padSide: 'left' });
    expect([...left.ids]).toEqual([5, 6, 7, 9, 9, 8]);
    expect([...left.mask]).toEqual([1, 1, 1, 0, 0, 1]);
    expect([...left.segments]).toEqual([0, 1, 1, 0, 0, 1]);
    expect([...left.starts]).toEqual([0, 2]);
    expect([...padSequences(sequences, { padId: 9, padSide: 'right', fixedSequence: 4 }).ids]).toEqual([
      5, 6, 7, 9, 8, 9, 9, 9,
    ]);
  });
});
