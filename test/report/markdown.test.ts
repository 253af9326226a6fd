// The report as markdown: structure, and text of the user as text.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { escapeMarkdown, renderMarkdown } from '../../src/report/markdown.ts';
import { bareReport, hostileReport, quantizeReport, samples, validateReport } from './samples.ts';

const vectors: { input: string; escaped: string }[] = JSON.parse(
  readFileSync(new URL('markdown-vectors.json', import.meta.url), 'utf8'),
);

describe('escaping', () => {
  // check_markdown.py renders each `escaped` and gets its text back, in a list, a cell and an HTML block
  it.each(vectors)('$input', ({ input, escaped }) => {
    expect(escapeMarkdown(input, 1000)).toBe(escaped);
  });

  it('cuts what is very long, by characters', () => {
    expect(escapeMarkdown('🙂'.repeat(300))).toBe(`${'🙂'.repeat(199)}…`);
  });
});

it('quantize: verdict, table, and the rest folded away', () => {
  const lines = renderMarkdown(quantizeReport).split('\n');
  expect(lines[0]).toBe('### bert-compress quantize: pass');
  expect(lines.slice(2, 4)).toEqual(['|  | before | after |  |', '|---|---:|---:|---|']);
  expect(lines).toContain(
    '| accuracy | 88.53 % | 89.68 % | +1.15 points (95 %: +0.34 to +2.06, p 0.013), 872 samples |',
  );
  expect(lines).toContain('<summary>Size by part</summary>');
  expect(lines).toContain('- left: 3 x MatMul: both inputs are computed');
});

it('validate: what failed and why, the table of models, changed examples', () => {
  const text = renderMarkdown(validateReport);
  expect(text).toContain(
    '- damaged: **accuracy: expected a drop of at most 0.50 points (--max-drop 0.5pt), found 76.74 points**',
  );
  expect(text).toContain("- damaged: diagnosis: labels look swapped: 'negative'");
  expect(text).toMatch(/\| int8 \| pass \| front \| 23\.19 MB \|/);
  expect(text).toContain('<summary>int8: 3 examples that got worse, the worst first</summary>');
});

it('a report of nothing but sizes', () => {
  expect(renderMarkdown(bareReport)).not.toMatch(/undefined|NaN|Notes/);
});

it.each(Object.entries(samples))(
  '%s: every row of a table has the cells of its head, every fold is closed',
  (_, report) => {
    const text = renderMarkdown(report);
    const cells = (line: string): number => line.split('|').length;
    const tables = text.split('\n\n').filter((block) => /^\|.*\n\|-/.test(block));
    expect(tables.length).toBeGreaterThan(0);
    for (const table of tables) {
      const lines = table.trim().split('\n');
      expect(new Set(lines.map(cells)).size).toBe(1);
    }
    expect(text.match(/<details>/g)?.length).toBe(text.match(/<\/details>/g)?.length);
  },
);

it('knows no HTML but its own', () => {
  const tags = new Set(renderMarkdown(hostileReport).match(/<[^>]*>/g));
  expect([...tags].sort()).toEqual(['</details>', '</span>', '</summary>', '<details>', '<span>', '<summary>']);
});
