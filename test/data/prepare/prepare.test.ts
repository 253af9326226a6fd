// Cleaning, de-duplication and the split: what they change, what they keep, and what they report.
import { describe, expect, it } from 'vitest';
import { cleanRow, cleanText } from '../../../src/data/prepare/clean.ts';
import { deduplicate, without } from '../../../src/data/prepare/deduplicate.ts';
import { split } from '../../../src/data/prepare/split.ts';
import type { Row } from '../../../src/data/dataset.ts';

describe('cleanText', () => {
  it.each([
    ['a\u0000b\u0007c', 'abc'],
    ['  a \t\n b\u00a0c\u3000d ', 'a b c d'],
    ['\ufeffzero\u200bwidth\u00ad', 'zerowidth'],
    ['a \u200b b', 'a b'],
    ['\u{1f468}\u200d\u{1f469}', '\u{1f468}\u200d\u{1f469}'],
    ['\ufffd', ''],
  ])('%j becomes %j', (text, clean) => expect(cleanText(text)).toBe(clean));

  it('reads entities only where it is asked to, each once', () => {
    expect(cleanText('a &amp;amp; b&nbsp;&#39;&#x1F600;&bogus; &#0;')).toBe(
      'a &amp;amp; b&nbsp;&#39;&#x1F600;&bogus; &#0;',
    );
    expect(cleanText('a &amp;amp; b&nbsp;&#39;&#x1F600;&bogus; &#0;', { entities: true })).toBe(
      "a &amp; b '\u{1f600}&bogus; &#0;",
    );
  });

  it('keeps the number of tagged words, and drops a row of which nothing is left', () => {
    const row: Row = { line: 3, text: 'a \u0007 b', words: ['a', '\u0007', 'b\u0000'], tags: ['O', 'O', 'X'] };
    expect(cleanRow(row)).toEqual({ ...row, text: 'a b', words: ['a', '\u0007', 'b'] });
    expect(cleanRow({ line: 1, text: '\u0007' })).toBeUndefined();
    expect(cleanRow({ line: 1, text: 'a', textPair: '\u0007' })).toBeUndefined();
  });
});

describe('deduplicate', () => {
  const rows: Row[] = [
    { line: 2, text: 'good film', label: '1' },
    { line: 3, text: 'good  film ', label: '1' },
    { line: 4, text: 'good film', label: '0' },
    { line: 5, text: 'Good film', label: '1' },
    { line: 6, text: 'e\u0301', label: '1' },
    { line: 7, text: '\u00e9', label: '1' },
    { line: 8, text: 'a', textPair: 'b', label: '1' },
    { line: 9, text: 'a', textPair: 'c', label: '1' },
  ];

  it('keeps the first of each text and names conflicting labels', () => {
    const found = deduplicate(rows);
    expect(found.rows.map(({ line }) => line)).toEqual([2, 5, 6, 8, 9]);
    expect(found.duplicates).toBe(3);
    expect(found.conflicts).toEqual([{ line: 4, kept: 2 }]);
  });

  it('leaves out what others have', () => {
    expect(without(rows, [rows[0]!])).toMatchObject({ shared: 3, rows: rows.slice(3) });
  });
});

describe('split', () => {
  const rows = Array.from({ length: 203 }, (_, i): Row => ({
    line: i + 2,
    text: `text ${i}`,
    label: i < 140 ? 'a' : i < 200 ? 'b' : i < 202 ? 'c' : 'd',
  }));
  const byLabel = ({ label }: Row): string => label ?? '';

  it('spreads classes evenly, loses no row, and leaves none of a class out of train', () => {
    const { train, dev } = split(rows, 0.1, 7, byLabel);
    const of = (part: readonly Row[], label: string): number => part.filter((row) => row.label === label).length;
    expect(dev).toHaveLength(20);
    expect([of(dev, 'a'), of(dev, 'b')]).toEqual([14, 6]);
    expect([of(train, 'c'), of(train, 'd')]).toEqual([2, 1]);
    expect([...train, ...dev].toSorted((x, y) => x.line - y.line)).toEqual(rows);
  });

  it('is decided by the seed', () => {
    const lines = (seed: number): number[] => split(rows, 0.1, seed, byLabel).dev.map(({ line }) => line);
    expect(lines(1)).toEqual(lines(1));
    expect(lines(1)).not.toEqual(lines(2));
  });

  it('takes one of two where half is asked for, and no row of a class of one', () => {
    const few: Row[] = [
      { line: 1, text: 'x', label: 'a' },
      { line: 2, text: 'y', label: 'a' },
      { line: 3, text: 'z', label: 'b' },
    ];
    const { train, dev } = split(few, 0.5, 0, byLabel);
    expect(dev.map(byLabel)).toEqual(['a']);
    expect(train).toHaveLength(2);
  });
});
