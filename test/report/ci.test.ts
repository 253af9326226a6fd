// What GitHub is shown of a run: annotations that the runner decodes to the same text, and a step summary that fits.
import { appendFileSync, readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { annotations, errorAnnotation, writeStepSummary } from '../../src/report/ci.ts';
import { renderMarkdown } from '../../src/report/markdown.ts';
import type { Candidate, CompressionReport, Report } from '../../src/report/schema.ts';
import { writeTemp } from '../support/temp.ts';

const file = { path: 'model.onnx', sha256: '0'.repeat(64), bytes: 1000, params: 10 };
const report: CompressionReport = {
  schema: 'bert-compress/report/1',
  tool: { name: 'bert-compress', version: '0.1.0' },
  command: 'validate',
  seed: 0,
  verdict: 'pass',
  failures: [],
  input: file,
  output: { ...file, path: 'small.onnx', bytes: 250 },
  ratio: 0.25,
  steps: [],
  notes: [],
  machine: { cpu: 'cpu', isa: [], cores: 1, memory: 1, onnxruntime: '1', node: '20' },
  seconds: 1,
  peakRssBytes: 1,
};
const github = { GITHUB_ACTIONS: 'true' };
const candidate = (path: string, failures: string[], diagnosis?: string[]): Candidate => ({
  output: { ...file, path },
  ratio: 0.5,
  verdict: failures.length > 0 ? 'fail' : 'pass',
  failures,
  ...(diagnosis ? { diagnosis } : {}),
});

/** As the runner reads a line (ActionCommand.TryParseV2): properties end at '::', are split at ',' and '=', then unescaped. */
function decode(line: string) {
  const [, name, properties = '', data = ''] = /^::(\w+)(?: (.*?))?::(.*)$/s.exec(line) ?? [];
  const unescape = (text: string, more: readonly (readonly [string, string])[]): string =>
    [['%0D', '\r'] as const, ['%0A', '\n'] as const, ...more, ['%25', '%'] as const].reduce(
      (done, [from, to]) => done.replaceAll(from, to),
      text,
    );
  const pairs = properties
    .split(',')
    .map((pair) => [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]);
  return {
    name,
    ...Object.fromEntries(
      pairs.map(([key, value = '']) => [
        key,
        unescape(value, [
          ['%3A', ':'],
          ['%2C', ','],
        ]),
      ]),
    ),
    data: unescape(data, []),
  };
}

describe('annotations', () => {
  it('are for GitHub Actions only', () => {
    const failed: Report = { ...report, verdict: 'fail', failures: ['no'] };
    for (const env of [{}, { CI: 'true', GITLAB_CI: 'true' }, { GITHUB_ACTIONS: 'false' }]) {
      expect(annotations(failed, env)).toEqual([]);
      expect(errorAnnotation('no', env)).toEqual([]);
    }
  });

  it('are none for a run that passes without doubts', () => {
    expect(annotations(report, github)).toEqual([]);
  });

  it('are an error for each failure, which the runner decodes to the same text', () => {
    const nasty = 'accuracy: 100 % of 5,3 :: expected\nmore %0A than\r%25 this';
    const lines = annotations({ ...report, verdict: 'fail', failures: [nasty, 'size'], command: 'a:b,c=d%' }, github);
    expect(lines).toHaveLength(2);
    for (const line of lines) expect(line).not.toMatch(/[\r\n]/);
    expect(decode(lines[0]!)).toEqual({ name: 'error', title: 'bert-compress a:b,c=d%', data: nasty });
    expect(lines[0]).toContain('title=bert-compress a%3Ab%2Cc=d%25::');
    expect(decode(lines[1]!).data).toBe('size');
  });

  it('name the candidate where there are several, with what is wrong with it', () => {
    const { output: _output, ratio: _ratio, ...rest } = report;
    const several: Report = {
      ...rest,
      verdict: 'fail',
      failures: ['a.onnx: lost'],
      candidates: [candidate('out/a.onnx', ['lost'], ['labels 0 and 1 are swapped']), candidate('out/b.onnx', [])],
    };
    expect(annotations(several, github)).toEqual([
      '::error title=bert-compress validate::a.onnx: lost',
      '::error title=bert-compress validate::a.onnx: labels 0 and 1 are swapped',
    ]);
  });

  it('warn of what was not checked, not measured, or is doubtful', () => {
    const doubtful: Report = {
      ...report,
      verdict: 'not-checked',
      notes: [
        'accuracy was not measured: no --data',
        'task text-classification, guessed from config.json',
        'not compared with the baseline b.json: other rows',
      ],
      data: {
        path: 'dev.tsv',
        format: 'TSV',
        columns: {},
        rows: 9,
        badRows: 120,
        bad: [{ line: 3, reason: 'no label' }],
      },
      accuracy: {
        task: 't',
        metric: 'accuracy',
        samples: 9,
        before: 0.9,
        after: 0.9,
        drop: 0,
        ci95: [-0.1, 0.1],
        samplesNeeded: 4000,
        verdict: 'not-checked',
        secondary: {},
      },
      parity: { rows: 9, cosine: 1, maxAbs: 0, nonFinite: 2 },
      latency: [{ batch: 1, sequence: 16, threads: 1, beforeMs: 1, afterMs: 2, speedup: 0.5, rounds: 5 }],
    };
    const decoded = annotations(doubtful, github).map(decode);
    expect(new Set(decoded.map(({ name }) => name))).toEqual(new Set(['warning']));
    expect(decoded.map(({ data }) => data)).toEqual([
      'no gate was asked for: nothing was checked, which is no pass',
      '120 rows of dev.tsv could not be used, the first in line 3: no label',
      'the interval of the drop is wider than --max-drop on 9 rows: 4000 would be needed',
      'NaN or infinity in the outputs of 2 rows',
      'slower than the original at 1 x 16',
      'accuracy was not measured: no --data',
      'not compared with the baseline b.json: other rows',
    ]);
  });

  it('are at most ten of a kind, the last of which counts the rest', () => {
    const failures = Array.from({ length: 30 }, (_, i) => `failure ${i}`);
    const lines = annotations({ ...report, verdict: 'fail', failures }, github);
    expect(lines).toHaveLength(10);
    expect(lines[9]).toBe('::error title=bert-compress validate::and 21 more: see the report');
  });

  it('show an error that left no report', () => {
    expect(errorAnnotation('dev.tsv: expected a column\nfound none', github)).toEqual([
      '::error title=bert-compress::dev.tsv: expected a column%0Afound none',
    ]);
  });
});

describe('the step summary', () => {
  it('is written where the environment asks for it, after what stands there', () => {
    expect(writeStepSummary(report, {})).toBe(false);
    expect(writeStepSummary(report, { GITHUB_STEP_SUMMARY: '' })).toBe(false);
    const path = writeTemp('before\n', 'summary.md');
    expect(writeStepSummary(report, { GITHUB_STEP_SUMMARY: path })).toBe(true);
    expect(readFileSync(path, 'utf8')).toBe(`before\n${renderMarkdown(report)}\n`);
  });

  it('is cut at a line where it would pass 1 MiB, and says so', () => {
    const notes = Array.from({ length: 40_000 }, (_, i) => `note ${i} – ${'ü'.repeat(20)}`);
    const path = writeTemp('x'.repeat(5000), 'summary.md');
    writeStepSummary({ ...report, notes }, { GITHUB_STEP_SUMMARY: path });
    const bytes = readFileSync(path);
    expect(bytes.length).toBeLessThanOrEqual(1024 * 1024);
    expect(bytes.length).toBeGreaterThan(1024 * 1024 - 200);
    const text = bytes.toString().slice(5000);
    expect(text).toMatch(/^> Cut off below: a step summary holds 1 MiB\..*\n\n### bert-compress validate: pass\n/);
    expect(text).toMatch(/\n- note \d+ – ü{20}\n$/);
    expect(text).not.toContain('\uFFFD');
  });

  it('leaves a file that is full', () => {
    const path = writeTemp('', 'summary.md');
    appendFileSync(path, 'x'.repeat(1024 * 1024 - 10));
    writeStepSummary(report, { GITHUB_STEP_SUMMARY: path });
    expect(readFileSync(path).length).toBe(1024 * 1024 - 10);
  });
});
