// `bench` through the library: figures that fit together, gates, shapes that cannot be run.
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { z } from 'zod';
import { bench, reportSchema, type BenchOptions } from '../src/index.ts';
import { writeModel } from '../src/onnx/write.ts';
import { tinyBert } from './support/bert.ts';
import { modelFolder } from './support/model-folder.ts';
import { tempDir } from './support/temp.ts';

const tiny = (name: string): string => fileURLToPath(new URL(`support/tiny/${name}.onnx`, import.meta.url));
const quick: BenchOptions = { threads: 1, seconds: 0.01, memory: false, batch: [1, 2], sequence: [4, 8] };

/** A model of other inputs than the folder's: one layer, and names that exporters give elsewhere. */
function smallModel(): string {
  const path = `${tempDir()}/small.onnx`;
  writeModel(tinyBert({ layers: 1, hidden: 8 }), path);
  return path;
}

describe('a run', () => {
  it('measures all pairs of batch and sequence, memory and operators, and its report fits the schema', async () => {
    const folder = modelFolder();
    const done = new Set<string>();
    const report = await bench(
      folder,
      [smallModel(), tiny('classifier')],
      { ...quick, memory: true, profile: true },
      { log: () => {}, bar: (label) => (at, total) => void (at === total && done.add(label)) },
    );
    const ajv = new Ajv2020({ strict: false });
    const valid = ajv.validate(z.toJSONSchema(reportSchema), JSON.parse(JSON.stringify(report)));
    expect(ajv.errors ?? valid).toBe(true);
    expect(report).toMatchObject({ command: 'bench', verdict: 'not-checked', failures: [], steps: [] });
    expect(report.latency).toBeUndefined(); // two candidates: nothing of one of them stands at the top
    expect([...done]).toEqual(['measuring latency', 'measuring memory', 'measuring operators']);

    for (const { latency, memory, profile, output, ratio, pareto } of report.candidates!) {
      expect(latency!.map(({ batch, sequence }) => `${batch}x${sequence}`)).toEqual(['1x4', '1x8', '2x4', '2x8']);
      for (const row of latency!) {
        expect(row.rounds).toBeGreaterThanOrEqual(10);
        expect(row.threads).toBe(1);
        expect(row.beforeCi95Ms![0]).toBeLessThanOrEqual(row.beforeMs);
        expect(row.speedupCi95![0]).toBeLessThanOrEqual(row.speedup);
        expect(row.speedupCi95![1]).toBeGreaterThanOrEqual(row.speedup);
        expect(row.afterPerSecond).toBeCloseTo((1000 * row.batch) / row.afterMs, 6);
      }
      expect(output.bytes).toBe(readFileSync(output.path).length);
      expect(ratio).toBeCloseTo(output.bytes / report.input.bytes, 12);
      for (const bytes of Object.values(memory!)) expect(bytes).toBeGreaterThan(20e6);
      expect(memory!.beforePeakRssBytes).toBe(report.candidates![0]!.memory!.beforePeakRssBytes);
      expect(profile).toMatchObject({ batch: 2, sequence: 8 });
      for (const operators of [profile!.before, profile!.after]) {
        expect(operators.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 6);
        expect(operators.map(({ op }) => op)).toContain('MatMul');
      }
      expect(typeof pareto).toBe('boolean');
    }
    expect(report.notes).toContainEqual(expect.stringMatching(/^peak memory is of a process of its own, \d+ MB of it/));
  });

  it('of one candidate has its figures at the top as well', async () => {
    const report = await bench(modelFolder(), [smallModel()], { ...quick, shapes: ['1x4'] });
    expect(report.latency).toEqual(report.candidates![0]!.latency);
    expect(report.output).toEqual(report.candidates![0]!.output);
    expect(report).not.toHaveProperty('memory');
    expect(report).not.toHaveProperty('profile');
  });

  it('measures a model that is fixed to a shape there, and says so', async () => {
    const { batch: _batch, sequence: _sequence, ...any } = quick;
    const report = await bench(tiny('classifier'), [tiny('classifier-fixed')], any);
    expect(report.latency).toMatchObject([{ batch: 3, sequence: 12 }]);
    expect(report.notes).toContain('inputs are fixed to batch 3, sequence 12: measured there only');
  });

  it('leaves out default shapes that are too long, and says so', async () => {
    const { batch: _batch, sequence: _sequence, ...any } = quick;
    const report = await bench(modelFolder(), [smallModel()], any);
    expect(report.latency).toMatchObject([
      { batch: 1, sequence: 16 },
      { batch: 8, sequence: 16 },
    ]);
    expect(report.notes).toContain("latency at 1 x 128 was not measured: longer than the model's 24 positions");
  });
});

describe('an interruption', () => {
  it('stops within a shape', async () => {
    const abort = new AbortController();
    const work = bench(
      modelFolder(),
      [smallModel()],
      { ...quick, seconds: 60, signal: abort.signal },
      {
        log: () => {},
        bar: () => () => abort.abort(new Error('enough')),
      },
    );
    await expect(work).rejects.toThrow('enough');
  });
});

describe('gates', () => {
  it('pass where all hold', async () => {
    const report = await bench(modelFolder(), [smallModel()], { ...quick, minSpeedup: '0.01x', maxSize: '1GB' });
    expect(report).toMatchObject({ verdict: 'pass', failures: [] });
    expect(report.candidates![0]!.checks!.map(({ gate, at, verdict }) => [gate, at, verdict])).toEqual([
      ...['1 x 4', '1 x 8', '2 x 4', '2 x 8'].map((at) => ['min-speedup', at, 'pass']),
      ['max-size', undefined, 'pass'],
    ]);
  });

  it('fail at each shape that is too slow, naming the candidate where there are several', async () => {
    const [folder, small] = [modelFolder(), smallModel()];
    const options: BenchOptions = { ...quick, shapes: ['1x4', { batch: 2, sequence: 4 }], minSpeedup: '1000x' };
    const report = await bench(folder, [small], options);
    expect(report.verdict).toBe('fail');
    expect(report.failures).toEqual([
      expect.stringMatching(/^latency at 1 x 4: expected at least 1000x, found \d+\.\d\dx$/),
      expect.stringMatching(/^latency at 2 x 4: expected at least 1000x/),
    ]);
    const two = await bench(folder, [small, small], options);
    expect(two.failures).toHaveLength(4);
    expect(two.failures[0]).toMatch(/small\.onnx: latency at 1 x 4/);
  });

  it('say where the interval has the bound in it', async () => {
    const folder = modelFolder();
    const report = await bench(folder, [folder], { ...quick, shapes: ['1x4'] });
    const bound = report.latency![0]!.speedupCi95![0];
    expect(bound).toBeLessThan(1.5); // a model against itself
    const { benchNotes } = await import('../src/pipeline/bench/notes.ts');
    const plan = { lanes: [], shapes: [], skipped: [], fixed: {}, vocabularySize: undefined };
    const notes = (minSpeedup: number): string[] =>
      benchNotes(plan, { found: [], memory: [] }, report.candidates!, { minSpeedup });
    expect(notes(bound)).toContainEqual(
      expect.stringMatching(/^--min-speedup at 1 x 4: .* decides, but its 95 % interval, .* includes .*x: measure/),
    );
    expect(notes(bound / 2)).toEqual([expect.stringMatching(/^latency is of random tokens/)]);
  });
});

describe('refusals', () => {
  const refused = (options: BenchOptions, candidates = [tiny('classifier')], original = modelFolder()) =>
    bench(original, candidates, { ...quick, ...options });

  it.each([
    ['a shape that is too long', { sequence: [4, 25] }, /^shape 1x25: .* longer than the model's 24 positions$/],
    ['a shape that is none', { shapes: ['8'] }, /^--shapes: expected batch x tokens such as .*, found '8'$/],
    ['no shape', { shapes: [] }, /^--shapes: expected at least one, found none$/],
    ['half a text', { batch: [0.5] }, /^shape 0\.5x4: expected whole numbers from 1/],
    ['no time', { seconds: 0 }, /^--seconds: expected a positive number, found 0$/],
    ['a gate that is none', { minSpeedup: 'fast' }, /^--min-speedup: expected a factor such as 1\.2x, found 'fast'$/],
    ['a provider that is not here', { ep: 'coreml' }, /^provider: expected one of .*, found 'coreml'$/],
  ] as const)('%s', async (_name, options, message) => {
    await expect(refused(options)).rejects.toThrow(message);
  });

  it('no candidate, one that is not there, one that cannot be fed', async () => {
    await expect(refused({}, [])).rejects.toThrow('bench: expected at least one candidate, found none');
    await expect(refused({}, ['nowhere.onnx'])).rejects.toThrow(/^nowhere\.onnx: expected .* found nothing$/);
    await expect(refused({}, [tiny('unfeedable')])).rejects.toThrow(/unfeedable\.onnx: input '.*': expected ids, mask/);
  });

  it('shapes other than those a model is fixed to', async () => {
    await expect(refused({}, [tiny('classifier-fixed')], tiny('classifier'))).rejects.toThrow(
      /^shape 1x4: expected 3x12, which the models' inputs are fixed to$/,
    );
  });
});
