import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { makeBatches } from '../../src/data/batches.ts';
import { builtinDataset, builtinTexts } from '../../src/data/builtin-texts.ts';
import type { Encoding } from '../../src/data/tokenizer/tokenizer.ts';

const rows = (...lengths: number[]): Encoding[] =>
  lengths.map((length, i) => ({ ids: new Int32Array(length).fill(i + 10), segments: new Uint8Array(length).fill(1) }));

describe('makeBatches', () => {
  it('sorts by length and pads to the longest of each batch', () => {
    const [first, second] = makeBatches(rows(2, 3, 1), { batch: 2, padId: 7 });
    expect(first).toMatchObject({ size: 2, sequence: 3 });
    expect([...first!.rows]).toEqual([1, 0]);
    expect([...first!.ids]).toEqual([11, 11, 11, 10, 10, 7]);
    expect([...first!.mask]).toEqual([1, 1, 1, 1, 1, 0]);
    expect([...first!.segments]).toEqual([1, 1, 1, 1, 1, 0]);
    expect([...second!.ids]).toEqual([12]);
  });

  it('pads on the left where the tokenizer does', () => {
    const [batch] = makeBatches(rows(1, 2), { batch: 2, padId: 0, padSide: 'left' });
    expect([...batch!.ids]).toEqual([11, 11, 0, 10]);
    expect([...batch!.mask]).toEqual([1, 1, 0, 1]);
  });

  it('fills a fixed shape with copies of the last row', () => {
    const batches = [...makeBatches(rows(2, 1, 1), { batch: 32, fixedBatch: 2, fixedSequence: 3, padId: 0 })];
    expect(batches.map((batch) => [...batch.rows])).toEqual([[0, 1], [2]]);
    expect(batches.every((batch) => batch.size === 2 && batch.sequence === 3)).toBe(true);
    expect([...batches[1]!.ids]).toEqual([12, 0, 0, 12, 0, 0]);
  });

  it('refuses a row that is longer than the fixed shape', () => {
    expect(() => makeBatches(rows(1, 5), { batch: 2, fixedSequence: 4, padId: 0 })).toThrow(
      "row 2: expected at most the 4 tokens of the model's fixed input, found 5",
    );
  });

  it('puts only equal lengths together where nothing may be padded', () => {
    const batches = [...makeBatches(rows(2, 3, 2, 3, 3), { batch: 2, unpadded: true, padId: 0 })];
    expect(batches.map((batch) => [...batch.rows])).toEqual([[1, 3], [4], [0, 2]]);
    expect(batches.every((batch) => batch.mask.every((one) => one === 1))).toBe(true);
  });

  it('has every row once, the same every time', () => {
    fc.assert(
      fc.property(
        fc.array(fc.integer({ min: 1, max: 9 })),
        fc.integer({ min: 1, max: 5 }),
        fc.boolean(),
        (lengths, batch, unpadded) => {
          const batches = makeBatches(rows(...lengths), { batch, unpadded, padId: 0 });
          const seen = [...batches].flatMap((one) => [...one.rows]);
          expect(seen.toSorted((a, b) => a - b)).toEqual(lengths.map((_, i) => i));
          expect([...batches].flatMap((one) => [...one.rows])).toEqual(seen);
          expect([...batches]).toHaveLength(batches.count);
        },
      ),
    );
  });
});

describe('built-in texts', () => {
  it('are 96 different ones, short and long', () => {
    expect(new Set(builtinTexts).size).toBe(96);
    expect(builtinTexts.every((text) => text.trim() === text && text !== '')).toBe(true);
    expect(builtinDataset()).toMatchObject({ size: 96, bad: [], columns: { text: 'text' } });
    expect(builtinDataset().size).toBe(96);
  });
});
