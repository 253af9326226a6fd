// The baseline: what is refused, what is held, what is written, and that a broken file never passes.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { DataError, UsageError } from '../../src/errors.ts';
import { checkBaselineFlags, openBaseline, type BaselineRun } from '../../src/pipeline/baseline.ts';
import { formatBaseline, readBaseline, type BaselineEntry } from '../../src/pipeline/baseline-file.ts';
import { checksOf, judge, type Figures } from '../../src/pipeline/checks.ts';
import { parseDrop, type Gates } from '../../src/pipeline/gates.ts';
import { tempDir } from '../support/temp.ts';

const passed = { verdict: 'pass', failures: [] };

function figures(after: number, bytes = 1000): Figures {
  return {
    output: {
      path: 'm.onnx',
      sha256: createHash('sha256').update(`${after} ${bytes}`).digest('hex'),
      bytes,
      params: 1,
    },
    accuracy: {
      task: 'text-classification',
      metric: 'accuracy',
      samples: 100,
      before: 0.9,
      after,
      drop: 0.9 - after,
      ci95: [0, 0.02],
      verdict: 'not-checked',
      secondary: {},
    },
  };
}

/** A folder with data in it, what a run on it measures, and where its baseline stands. */
function place(rows = 100) {
  const folder = tempDir();
  const data = join(folder, 'data/dev.tsv');
  mkdirSync(dirname(data));
  writeFileSync(data, 'text\tlabel\na\tb\n');
  const run: BaselineRun = {
    task: 'text-classification',
    metric: 'accuracy',
    data: { path: data, rows, columns: { text: 'text', label: 'label' } },
    seed: 7,
  };
  return { folder, data, run, path: join(folder, 'b.json') };
}

/** Accept figures as the baseline of a place. */
async function accept(at: ReturnType<typeof place>, accepted: Figures, run = at.run) {
  const gate = await openBaseline({ path: at.path, update: true }, run, {});
  return gate.settle(accepted, judge(gate.checks(accepted)).verdict);
}

const hold = async (at: ReturnType<typeof place>, candidate: Figures, gates: Gates, run = at.run) =>
  judge((await openBaseline({ path: at.path, update: false }, run, gates)).checks(candidate));

describe('holding a candidate', () => {
  it('takes the accepted metric as the reference, however the original scores', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const gates = { maxDrop: parseDrop('1pt') };
    // 0.86 is within 5 points of the original's 0.9, and 2 points below what was accepted
    expect(judge(checksOf(figures(0.86), { maxDrop: parseDrop('5pt') })).verdict).toBe('pass');
    expect(await hold(at, figures(0.86), gates)).toEqual({
      verdict: 'fail',
      failures: [
        'accuracy against the baseline: expected at least 87.00 % (accepted 88.00 %, --max-drop 1pt), found 86.00 %',
      ],
    });
    expect(await hold(at, figures(0.87), gates)).toEqual(passed);
    expect((await hold(at, figures(0.95), gates)).verdict).toBe('pass');
  });

  it('reads a percentage as one of the accepted value', async () => {
    const at = place();
    await accept(at, figures(0.5));
    expect((await hold(at, figures(0.495), { maxDrop: parseDrop('1%') })).verdict).toBe('pass');
    expect((await hold(at, figures(0.4949), { maxDrop: parseDrop('1%') })).verdict).toBe('fail');
  });

  it('allows nothing where no --max-drop is given', async () => {
    const at = place();
    await accept(at, figures(0.88));
    expect(await hold(at, figures(0.88), {})).toEqual(passed);
    expect((await hold(at, figures(0.8799), {})).failures[0]).toMatch(/no --max-drop\), found 87\.99 %/);
  });

  it('fails where the metric is not a number', async () => {
    const at = place();
    await accept(at, figures(0.88));
    expect((await hold(at, figures(NaN), { maxDrop: parseDrop('50pt') })).verdict).toBe('fail');
  });

  it('lets the size grow by a hundredth, or by what --max-size says', async () => {
    const at = place();
    await accept(at, figures(0.88, 1000));
    expect(await hold(at, figures(0.88, 1010), {})).toEqual(passed);
    expect((await hold(at, figures(0.88, 1011), {})).failures).toEqual([
      'size against the baseline: expected at most 1010 bytes (accepted 1000, 1 % more; --max-size allows another), found 1011 bytes',
    ]);
    expect(await hold(at, figures(0.88, 1011), { maxSize: 2000 })).toEqual(passed);
  });

  it('holds the size alone of a task without metric, and says so', async () => {
    const at = place();
    const run = { ...at.run, task: 'feature-extraction', metric: undefined };
    const { accuracy: _none, ...unlabelled } = figures(0.9);
    await accept(at, unlabelled, run);
    const gate = await openBaseline({ path: at.path, update: false }, run, {});
    expect(gate.notes).toEqual([`the baseline ${at.path} holds the size only: feature-extraction has no metric`]);
    expect(judge(gate.checks({ output: { ...unlabelled.output, bytes: 2000 } })).verdict).toBe('fail');
  });

  it('takes an accuracy that is missing as a bug, never as a pass', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const gate = await openBaseline({ path: at.path, update: false }, at.run, {});
    const { accuracy: _none, ...blind } = figures(0.9);
    expect(() => gate.checks(blind)).toThrow('measured was no metric');
  });
});

describe('what cannot be compared', () => {
  const other: readonly (readonly [string, (at: ReturnType<typeof place>) => BaselineRun, RegExp])[] = [
    ['metric', (at) => ({ ...at.run, metric: 'macroF1' }), /other metric: "accuracy", not "macroF1"/],
    ['no metric', (at) => ({ ...at.run, metric: undefined }), /other metric: "accuracy", not none/],
    [
      'task',
      (at) => ({ ...at.run, task: 'token-classification' }),
      /no entry 'token-classification on data\/dev\.tsv', only 'text-classification on data\/dev\.tsv'/,
    ],
    ['rows', (at) => ({ ...at.run, data: { ...at.run.data, rows: 99 } }), /other rows: 100, not 99/],
    [
      'columns',
      (at) => ({ ...at.run, data: { ...at.run.data, columns: { text: 'text', label: 'stars' } } }),
      /other columns: .*"label".*"stars"/,
    ],
    [
      'a sample of as many rows',
      (at) => ({ ...at.run, data: { ...at.run.data, total: 500 } }),
      /other seed of the sample: none, not 7/,
    ],
    [
      'content of the data',
      (at) => {
        writeFileSync(at.data, 'text\tlabel\na\tc\n');
        return at.run;
      },
      /other sha256 of the data/,
    ],
    [
      'data file',
      (at) => {
        const path = join(at.folder, 'data/test.tsv');
        writeFileSync(path, readFileSync(at.data));
        return { ...at.run, data: { ...at.run.data, path } };
      },
      /no entry 'text-classification on data\/test\.tsv'/,
    ],
  ];

  it.each(other)('other %s: refused, and replaced or added with --update-baseline', async (_what, change, message) => {
    const at = place();
    await accept(at, figures(0.88));
    const run = change(at);
    const refused = openBaseline({ path: at.path, update: false }, run, {});
    await expect(refused).rejects.toThrow(DataError);
    await expect(refused).rejects.toThrow(message);
    await expect(refused).rejects.toThrow(/^[^\n]*--update-baseline accepts new ones$/);
    const gate = await openBaseline({ path: at.path, update: true }, run, {});
    expect(gate.accepted).toBeUndefined();
    expect(gate.notes[0]).toMatch(/^not compared with the baseline/);
    expect(gate.checks(figures(0.1))).toEqual([]);
  });

  it('finds the data whatever the working directory and the spelling of the path', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const path = join(at.folder, 'data/../data/./dev.tsv');
    expect(await hold(at, figures(0.88), {}, { ...at.run, data: { ...at.run.data, path } })).toEqual(passed);
  });

  it.each([
    [
      'nothing',
      undefined,
      UsageError,
      /--baseline: expected a baseline file, found nothing at '.*'.*--update-baseline/,
    ],
    ['half a file', '{"schema": "bert-com', DataError, /b\.json: expected JSON, found: /],
    [
      'another version',
      '{"schema": "bert-compress/baseline/2", "entries": {}}',
      DataError,
      /found "bert-compress\/baseline\/2"/,
    ],
    ['another file', '[]', DataError, /expected "schema": "bert-compress\/baseline\/1", found undefined/],
    [
      'a value that is a string',
      '{"schema": "bert-compress/baseline/1", "entries": {"a on b": {"task": 3}}}',
      DataError,
      /found in entries > a on b > task: /,
    ],
  ])('%s: refused with one line', async (_what, content, type, message) => {
    const at = place();
    if (content !== undefined) writeFileSync(at.path, content);
    const flags = { baseline: at.path, data: at.data, candidates: 2 };
    expect(() => checkBaselineFlags(flags)).toThrow(type);
    const opened = openBaseline({ path: at.path, update: false }, at.run, {});
    await expect(opened).rejects.toThrow(type);
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.not.toThrow('\n');
    if (content !== undefined)
      await expect(openBaseline({ path: at.path, update: true }, at.run, {})).rejects.toThrow(type);
  });

  it('an entry with a metric and no value is broken', async () => {
    const at = place();
    await accept(at, figures(0.88));
    writeFileSync(at.path, readFileSync(at.path, 'utf8').replace(/ *"value": .*\n/, ''));
    await expect(openBaseline({ path: at.path, update: false }, at.run, {})).rejects.toThrow(
      'expected metric and value, or neither',
    );
  });
});

describe('flags', () => {
  it.each([
    [{ updateBaseline: true, data: 'd', candidates: 1 }, /--update-baseline: expected --baseline FILE, found none/],
    [{ baseline: 'b', candidates: 1 }, /--baseline: expected --data/],
    [{ baseline: 'b', updateBaseline: true, data: 'd', candidates: 2 }, /expected one candidate to accept, found 2/],
    [{ baseline: 'b', data: 'd', candidates: 1 }, /found nothing at 'b'/],
  ])('%j is refused', (flags, message) => {
    expect(() => checkBaselineFlags(flags)).toThrow(message);
  });

  it('allow no baseline at all, and one that is to be made', () => {
    expect(() => checkBaselineFlags({ candidates: 3 })).not.toThrow();
    expect(() => checkBaselineFlags({ baseline: 'b', updateBaseline: true, data: 'd', candidates: 1 })).not.toThrow();
  });
});

describe('updating', () => {
  it('makes the file, and says in the report what was accepted', async () => {
    const at = place();
    expect(await accept(at, figures(0.88))).toEqual({
      path: at.path,
      metric: 'accuracy',
      value: 0.88,
      bytes: 1000,
      updated: true,
    });
    const { entries } = readBaseline(at.path);
    expect(entries['text-classification on data/dev.tsv']).toMatchObject({
      data: {
        path: 'data/dev.tsv',
        sha256: createHash('sha256').update(readFileSync(at.data)).digest('hex'),
        rows: 100,
      },
      value: 0.88,
      bytes: 1000,
      model: figures(0.88).output.sha256,
    });
  });

  it('keeps the figures it was held against in the report, and the new ones in the file', async () => {
    const at = place();
    await accept(at, figures(0.88));
    expect(await accept(at, figures(0.9))).toMatchObject({ value: 0.88, updated: true });
    expect(Object.values(readBaseline(at.path).entries)[0]?.value).toBe(0.9);
  });

  it('does not accept a model that fails, against the baseline or otherwise', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const before = readFileSync(at.path, 'utf8');
    expect((await accept(at, figures(0.5))).updated).toBe(false);
    const gate = await openBaseline({ path: at.path, update: true }, at.run, {});
    expect(gate.settle(figures(0.95), 'fail').updated).toBe(false);
    expect(readFileSync(at.path, 'utf8')).toBe(before);
  });

  it('writes nothing that was not asked for', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const before = readFileSync(at.path, 'utf8');
    const gate = await openBaseline({ path: at.path, update: false }, at.run, {});
    expect(gate.settle(figures(0.95), 'pass')).toMatchObject({ value: 0.88, updated: false });
    expect(readFileSync(at.path, 'utf8')).toBe(before);
  });

  it('leaves other entries, and a file that says the same already', async () => {
    const at = place();
    await accept(at, figures(0.88));
    const second = { ...at.run, task: 'another-task' };
    await accept(at, figures(0.7), second);
    const { mtimeMs } = statSync(at.path);
    expect((await accept(at, figures(0.7), second)).updated).toBe(false);
    expect(statSync(at.path).mtimeMs).toBe(mtimeMs);
    expect(Object.keys(readBaseline(at.path).entries)).toEqual([
      'another-task on data/dev.tsv',
      'text-classification on data/dev.tsv',
    ]);
    expect(readdirSync(at.folder).toSorted()).toEqual(['b.json', 'data']);
  });

  it('gives the same text whatever the order of keys and fields', () => {
    const entry: BaselineEntry = {
      task: 't',
      data: { path: 'd', sha256: '0'.repeat(64), rows: 1, columns: { text: 'text' } },
      metric: 'accuracy',
      value: 0.5,
      bytes: 1,
      model: '1'.repeat(64),
      date: '2026-01-02',
      tool: '0.1.0',
    };
    const shuffled = Object.fromEntries(Object.entries(entry).toReversed()) as BaselineEntry;
    const schema = 'bert-compress/baseline/1' as const;
    expect(formatBaseline({ schema, entries: { a: entry, b: entry } })).toBe(
      formatBaseline({ entries: { b: shuffled, a: shuffled }, schema }),
    );
  });
});
