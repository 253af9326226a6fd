// The report in a terminal.
import { describe, expect, it } from 'vitest';
import { renderText } from '../../src/report/text.ts';
import { bar } from '../../src/report/text-bars.ts';
import { width } from '../../src/report/strings.ts';
import {
  bareReport,
  benchReport,
  hostileReport,
  manyReport,
  quantizeReport,
  samples,
  validateReport,
} from './samples.ts';

/** Without colour: SGR sequences are ours alone, everything else of that kind must be gone. */
const plain = (text: string): string => text.replaceAll(new RegExp(`${String.fromCodePoint(27)}\\[\\d+m`, 'g'), '');

it.each(Object.keys(samples).flatMap((name) => [80, 100, 132].map((columns) => [name, columns] as const)))(
  '%s keeps within %i columns',
  (name, columns) => {
    const lines = plain(renderText(samples[name]!, columns)).split('\n');
    // a word that is longer than a line cannot be broken
    const tooWide = lines.filter((line) => width(line) > columns && line.trim().includes(' '));
    expect(tooWide).toEqual([]);
  },
);

it('a terminal narrower than 80 columns gets 80', () => {
  expect(renderText(validateReport, 20)).toBe(renderText(validateReport, 80));
});

it('quantize: before and after, and the verdict', () => {
  expect(plain(renderText(quantizeReport, 120))).toMatchInlineSnapshot(`
    "models/minilm-sst2/onnx/model.onnx -> models/minilm-sst2/onnx/model_quantized.onnx
    quantize-8bit: 38 products, 38 weights, 2 tables, 26 reshapes

                          before           after
      size              90.99 MB        23.19 MB  25.5 %, 3.92x smaller
      accuracy           88.53 %         89.68 %  +1.15 points (95 %: +0.34 to +2.06, p 0.013), 872 samples
      macro F1           88.52 %         89.67 %  +1.15 points
      macro recall       88.50 %         89.66 %  +1.16 points
      MCC                77.09 %         79.36 %  +2.27 points
      latency 1 x 16     9.29 ms         3.19 ms  2.91x
      latency 8 x 128  141.87 ms        60.09 ms  2.36x
      parity                      cosine 0.96600  SQNR 23.5 dB, largest difference 1.23, agreement 98.39 %, KL 0.00557 nats

    data: dev.tsv, tsv, 872 rows, text 'sentence', label 'label'
    left: 3 x MatMul: both inputs are computed
    left: 2 x Gather: table is below 0.5 % of the weights
    note: 8-bit products of u8 x s8 can saturate on CPUs without VNNI: use --reduce-range on for a file that is to run
    anywhere
    verdict: pass  14.6 s, peak 460.03 MB
    "
  `);
});

describe('several candidates', () => {
  const text = plain(renderText(validateReport, 200));

  it('one table with the original first, the front, the interval and the recall', () => {
    const [titles, ...rows] = text.split('\n').slice(2, 7);
    expect(titles!.trim().split(/\s{2,}/)).toEqual([
      'model',
      'verdict',
      'Pareto',
      'size',
      'of original',
      'accuracy',
      'points',
      '95 %',
      'macro recall',
      '1 x 16',
      'speedup',
      '1 x 128',
      'speedup',
      '8 x 128',
      'speedup',
      'cosine',
      'agreement',
    ]);
    expect(rows[0]).toMatch(/^ {2}model\.onnx \(original\) +90\.99 MB +88\.53 % +88\.50 % +9\.30 ms/);
    expect(rows[1]).toMatch(/^ {2}int8 +pass +front +23\.19 MB +25\.5 % +88\.19 % +-0\.34 +-1\.26 to \+0\.58/);
    expect(rows[3]).toMatch(/^ {2}damaged +fail +23\.19 MB .* -76\.74 +-79\.90 to -73\.50/);
  });

  it('numbers stand to the right of their column', () => {
    const rows = text.split('\n').slice(2, 7);
    const end = rows[0]!.indexOf('size') + 4;
    expect(rows.map((row) => row.slice(end - 2, end))).toEqual(['ze', 'MB', 'MB', 'MB', 'MB']);
  });

  it('what failed, why, and what the interval says', () => {
    expect(text).toContain('FAIL model_fp16.onnx: latency at 1 x 16: expected at least 1.2x, found 0.94x');
    expect(text).toContain("diagnosis: damaged: labels look swapped: 'negative' and 'positive'");
    expect(text).toContain('2,954 rows would be needed to see the allowed drop of 0.50 points; there are 872');
    expect(text).toMatch(/5 folds: accuracy 88\.53 % ± 2\.10 % before, .*drop \+0\.34 ± 0\.71 points/);
    expect(text).toMatch(/without VNNI.*84\.17 % instead of 88\.19 %, drop \+4\.36 points/);
    expect(text).toMatch(/verdict: fail {2}14\.6 s/);
  });

  it('bad rows by line, and how many more there are', () => {
    expect(text).toMatch(/5 rows could not be used: line 12: label: expected .*; line 40: .*; line 77: .*; and 2 more/);
  });

  it('the examples that got worse, wide characters counted as two', () => {
    const at = text.split('\n').findIndex((line) => line.includes('got worse'));
    const rows = text.split('\n').slice(at + 1, at + 5);
    const column = width(rows[0]!.slice(0, rows[0]!.indexOf('expected')));
    for (const row of rows.slice(1)) {
      const gold = row.search(/positive|negative/);
      expect(width(row.slice(0, gold))).toBe(column);
    }
  });

  it('columns that do not fit stand below, each block with the models', () => {
    const narrow = plain(renderText(manyReport, 80)).split('\n');
    const heads = narrow.filter((line) => /^ {2}model /.test(line));
    expect(heads.length).toBeGreaterThan(1);
    expect(narrow.filter((line) => /^ {2}seed-3 /.test(line))).toHaveLength(heads.length);
  });
});

describe('bench', () => {
  const lines = plain(renderText(benchReport, 100)).split('\n');

  it('bars in proportion, to an eighth of a column, named by words', () => {
    const bars = lines.filter((line) => line.includes('█'));
    expect(bars).toHaveLength(8);
    const length = (line: string): number => (line.match(/[█▏▎▍▌▋▊▉]/g) ?? []).length;
    const [before, after] = [bars[0]!, bars[1]!];
    expect(before).toMatch(/1 x 16 +before +█+ +9\.29 ms$/);
    expect(after).toMatch(/after +█+.? +3\.19 ms {2}2\.91x$/);
    expect(Math.abs(length(after) / length(before) - 3.19 / 9.29)).toBeLessThan(1 / length(before));
  });

  it.each([
    [3, '███'],
    [2.5, '██▌'],
    [0.125, '▏'],
    [0, '▏'],
    [1.99, '██'],
  ])('a bar of %d columns is %s', (size, text) => {
    expect(bar(size)).toBe(text);
  });

  it('throughput, intervals, memory and operators', () => {
    const text = lines.join('\n');
    expect(text).toMatch(
      /latency 1 x 16 +9\.29 ms +3\.19 ms {2}2\.91x \(95 %: 2\.77x to 3\.03x\), 108 to 313 texts\/s/,
    );
    expect(text).toMatch(/peak memory +301\.99 MB +188\.74 MB {2}62\.5 %/);
    expect(text).toMatch(/MatMul +118\.00 ms +83\.7 % +74 +6\.50 ms +10\.8 % +12/);
    expect(text).toMatch(/DynamicQuantizeMatMul +38\.00 ms +63\.3 % +37/);
  });
});

it('what is absent is not mentioned', () => {
  const text = plain(renderText(bareReport, 100));
  expect(text).not.toMatch(/undefined|NaN|latency|accuracy|parity|left:|note:/);
  expect(text).toContain('verdict: not checked (no gate was asked for)');
});

it("a perplexity is no percentage, and a pair's second text has its column", () => {
  const one = { ...manyReport, candidates: manyReport.candidates!.slice(0, 1) };
  const text = plain(renderText(one, 120));
  expect(text).toMatch(/pseudo-perplexity +8\.25 +9\.50 +\+1\.25\n/);
  expect(text).toMatch(/line +text +second text +expected/);
  expect(text).toContain('Who wrote it?');
});

it('text of the user cannot steer the terminal', () => {
  const text = plain(renderText(hostileReport, 120));
  expect([...text].filter((sign) => sign !== '\n' && /[\p{Cc}\p{Bidi_Control}]/u.test(sign))).toEqual([]);
});
