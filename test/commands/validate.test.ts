// `bert-compress validate` on the fixture: verdicts, what is said of broken models, exit codes. A process is started once for each kind of end.
import { copyFileSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { UserError } from '../../src/errors.ts';
import { quantize, reportSchema, validate, type Report, type ValidateOptions } from '../../src/index.ts';
import { memoryTensor } from '../../src/ir/tensor.ts';
import { cli } from '../support/cli.ts';
import { fixture, fixtureWith } from '../support/fixture.ts';
import { tempDir } from '../support/temp.ts';

const data = join(fixture, 'dev.tsv');
const samples = 100;
const quick = ['--data', data, '--no-bench', '--threads', '1', '--samples', String(samples)];
/** The command without its process: flags are options of the same names. */
const validated = (model: string, options: ValidateOptions): Promise<Report> =>
  validate(fixture, [model], { data, bench: false, threads: 1, samples, ...options });

let [int8, fp16] = ['', ''];
beforeAll(async () => {
  const [a, b] = [join(tempDir(), 'int8.onnx'), join(tempDir(), 'fp16.onnx')];
  await quantize(fixture, { to: 'int8', output: a, validate: false });
  await quantize(fixture, { to: 'fp16', output: b, validate: false });
  [int8, fp16] = [a, b];
});

describe('success', () => {
  it('prints a table of several models, the examples that got worst and the verdict, exit code 0', async () => {
    const args = ['validate', fixture, int8, fp16, ...quick, '--max-drop', '2pt', '--show-changed', '3'];
    const { code, stdout, stderr } = await cli([...args, '--cross-validate', '4']);
    expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
    expect(stdout).toMatch(/int8\.onnx .* %/);
    expect(stdout).toMatch(/fp16\.onnx .* %/);
    expect(stdout).toMatch(/macro recall/i);
    expect(stdout).toMatch(/4 folds: accuracy/);
    expect(stdout).toContain('verdict: pass');
  }, 60_000);

  it('--json prints one report that holds every candidate; --report writes all formats', async () => {
    const folder = tempDir();
    const files = ['r.json', 'r.md', 'r.xml', 'r.html'].map((name) => join(folder, name));
    const reports = files.flatMap((file) => ['--report', file]);
    const args = ['validate', fixture, int8, ...quick, '--max-drop', '2pt', '--json', ...reports];
    const { code, stdout } = await cli(args);
    expect(code).toBe(0);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ command: 'validate', verdict: 'pass', data: { rows: samples, total: 1000 } });
    expect(report.candidates).toHaveLength(1);
    expect(report.accuracy).toEqual(report.candidates![0]!.accuracy);
    expect(report.accuracy!.secondary).toHaveProperty('macroAuroc');
    expect(report.machine.onnxruntime).toMatch(/^\d+\.\d+/);
    expect(report.notes.join('\n')).toMatch(/u8 x s8 products can saturate on x86 CPUs without VNNI/);
    expect(JSON.parse(readFileSync(files[0]!, 'utf8'))).toEqual(report);
    for (const file of files.slice(1)) expect(readFileSync(file, 'utf8').length).toBeGreaterThan(300);
  }, 60_000);

  it('takes the same rows for the same seed, others for another', async () => {
    const figures = async (seed: number) => (await validated(fixture, { samples: 40, seed })).accuracy!;
    const [a, b, c] = [await figures(1), await figures(1), await figures(2)];
    expect(a).toEqual(b);
    expect(a.secondary).not.toEqual(c.secondary);
  }, 60_000);

  it('--help shows examples and exit codes', async () => {
    const { code, stdout } = await cli(['validate', '--help']);
    expect(code).toBe(0);
    expect(stdout).toMatch(/EXAMPLES[\s\S]*--max-drop 0\.5pt/);
    expect(stdout).toMatch(/Exit code: 0 done/);
  });
});

describe('a model that is broken fails its gate with what is wrong', () => {
  const failing = async (folder: string, rows = samples) => {
    const report = await validated(folder, { maxDrop: '1pt', samples: rows });
    expect(report.verdict).toBe('fail');
    expect(report.failures[0]).toMatch(/^accuracy: expected a drop of at most 1\.00 points \(--max-drop 1pt\), found/);
    return report.diagnosis ?? [];
  };

  it('a damaged weight', async () => {
    const name = 'layer.1.intermediate.weight';
    const folder = fixtureWith({
      model: ({ graph }) => {
        const tensor = graph.initializers.get(name)!;
        const noise = Float32Array.from({ length: tensor.byteLength / 4 }, (_, i) => Math.sin(i * i));
        graph.initializers.set(name, memoryTensor('float32', tensor.shape, noise));
      },
    });
    expect(await failing(folder)).toEqual([
      expect.stringMatching(
        new RegExp(`^weight '${name}' is \\d+\\.\\d % away from the original's, .* it looks damaged$`),
      ),
    ]);
  }, 60_000);

  it('a weight that is not a number', async () => {
    const folder = fixtureWith({
      model: ({ graph }) => {
        const bias = graph.initializers.get('classifier.bias')!;
        graph.initializers.set(
          'classifier.bias',
          memoryTensor('float32', bias.shape, new Float32Array(bias.byteLength / 4).fill(NaN)),
        );
      },
    });
    expect(await failing(folder)).toEqual([
      `the model gives NaN or infinity for ${samples} of ${samples} examples`,
      "weight 'classifier.bias' has NaN or infinity in it",
    ]);
  }, 60_000);

  it('swapped labels', async () => {
    const folder = fixtureWith({
      json: {
        'config.json': (config) => {
          const names = Object.values(config['id2label'] as Record<string, string>);
          config['id2label'] = { ...names.toReversed() };
          delete config['label2id'];
        },
      },
    });
    expect(await failing(folder)).toEqual([
      expect.stringMatching(/^its config\.json names other labels: id 0 is '\w+', the original's 'billing'$/),
      expect.stringMatching(/^its labels look swapped: it says .*; exchanged, [89]\d\.\d % would be right instead of/),
    ]);
  }, 60_000);

  it('another tokenizer', async () => {
    const folder = fixtureWith({
      json: {
        'tokenizer.json': (tokenizer) => {
          const model = tokenizer['model'] as { vocab: Record<string, number> };
          const words = Object.keys(model.vocab).filter((word) => !word.startsWith('['));
          words.forEach((word, i) => (model.vocab[word] = model.vocab[words[i]!]!));
          const ids = words.map((word) => model.vocab[word]!);
          words.forEach((word, i) => (model.vocab[word] = ids[(i + 7) % ids.length]!));
        },
      },
    });
    expect(await failing(folder, 200)).toEqual([
      expect.stringMatching(/^its tokenizer is another one: it splits 200 of the first 200 texts in another way/),
    ]);
  }, 60_000);
});

describe('a gate that could not be checked is exit code 2', () => {
  it('said in one line, with nothing on stdout', async () => {
    const { code, stdout, stderr } = await cli(['validate', fixture, fixture, '--max-drop', '1%']);
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
    expect(stderr).toMatch(/^bert-compress: --max-drop: expected --data .*, found none\n$/);
  });

  it.each<[string, ValidateOptions, RegExp]>([
    ['no latency', { minSpeedup: '1.1x' }, /^--min-speedup: expected latency .*$/],
    [
      'no baseline',
      { baseline: 'nowhere.json' },
      /^--baseline: expected a baseline file, found nothing at 'nowhere\.json'.*$/,
    ],
    ['a task without labels', { task: 'feature-extraction', maxDrop: '1%' }, /^--max-drop: .*$/],
    ['no such column', { label: 'stars' }, /^.*dev\.tsv: expected a label column 'stars', found .*$/],
    ['too many folds', { crossValidate: 500 }, /^--cross-validate: .*$/],
  ])('%s', async (_name, options, message) => {
    const error = await validated(fixture, options).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(UserError);
    expect((error as UserError).message).toMatch(message);
  });

  it('no tokenizer', async () => {
    const folder = tempDir();
    copyFileSync(join(fixture, 'onnx/model.onnx'), join(folder, 'model.onnx'));
    await expect(validate(folder, [folder])).rejects.toThrow(
      /^.*tokenizer\.json: expected a readable file, found no such file$/,
    );
  });

  it('rows that cannot be used are named and counted, and a label that no model has stops the work', async () => {
    const file = join(tempDir(), 'dev.tsv');
    writeFileSync(file, `${readFileSync(data, 'utf8').split('\n').slice(0, 30).join('\n')}\nno label\t\nonly a text\n`);
    expect((await validated(fixture, { data: file, samples: undefined })).data).toMatchObject({
      rows: 29,
      bad: [
        { line: 31, reason: 'no label' },
        { line: 32, reason: 'expected 2 fields, found 1' },
      ],
    });
    writeFileSync(file, 'text\tlabel\nhello\tgreeting\n');
    await expect(validated(fixture, { data: file })).rejects.toThrow(
      /line 2: expected one of billing, .*, found label 'greeting'$/,
    );
  });
});

describe('a baseline', () => {
  it('is written, held, and not changed by a model that fails', async () => {
    const file = join(tempDir(), 'bert-compress.baseline.json');
    const run = (model: string, ...flags: string[]) =>
      cli(['validate', fixture, model, ...quick, '--max-drop', '2pt', '--baseline', file, '--json', ...flags]);
    const accepted = await validated(int8, { maxDrop: '2pt', baseline: file, updateBaseline: true });
    expect(accepted).toMatchObject({ verdict: 'pass', baseline: { path: file, updated: true } });
    const kept = readFileSync(file, 'utf8');
    const larger = await run(fp16, '--update-baseline');
    expect(larger.code).toBe(1);
    expect(reportSchema.parse(JSON.parse(larger.stdout)).failures.join()).toMatch(/size against the baseline/);
    expect(readFileSync(file, 'utf8')).toBe(kept);
  }, 60_000);
});
