// `bert-compress validate` as a user runs it on the fixture: verdicts, what is said of broken models, exit codes.
import { copyFileSync, existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { quantize, reportSchema } from '../../src/index.ts';
import { memoryTensor } from '../../src/ir/tensor.ts';
import { cli } from '../support/cli.ts';
import { fixture, fixtureWith } from '../support/fixture.ts';
import { tempDir } from '../support/temp.ts';

const data = join(fixture, 'dev.tsv');
const all = ['--data', data, '--no-bench', '--threads', '1'];
const quick = [...all, '--samples', '200'];

async function quantized(to: 'int8' | 'fp16'): Promise<string> {
  const output = join(tempDir(), `${to}.onnx`);
  await quantize(fixture, { to, output, validate: false });
  return output;
}

describe('success', () => {
  it('prints a table of several models, the examples that got worst and the verdict, exit code 0', async () => {
    const models = [await quantized('int8'), await quantized('fp16')];
    const args = ['validate', fixture, ...models, ...quick, '--max-drop', '2pt', '--show-changed', '3'];
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
    const args = ['validate', fixture, await quantized('int8'), ...quick, '--max-drop', '2pt', '--json', ...reports];
    const { code, stdout } = await cli(args);
    expect(code).toBe(0);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect(report).toMatchObject({ command: 'validate', verdict: 'pass', data: { rows: 200, total: 1000 } });
    expect(report.candidates).toHaveLength(1);
    expect(report.accuracy).toEqual(report.candidates![0]!.accuracy);
    expect(report.accuracy!.secondary).toHaveProperty('macroAuroc');
    expect(report.machine.onnxruntime).toMatch(/^\d+\.\d+/);
    expect(report.notes.join('\n')).toMatch(/u8 x s8 products can saturate on x86 CPUs without VNNI/);
    expect(JSON.parse(readFileSync(files[0]!, 'utf8'))).toEqual(report);
    for (const file of files.slice(1)) expect(readFileSync(file, 'utf8').length).toBeGreaterThan(300);
  }, 60_000);

  it('takes the same rows for the same seed, others for another', async () => {
    const figures = async (seed: string) => {
      const args = ['validate', fixture, fixture, ...all, '--samples', '40', '--seed', seed, '--json'];
      return reportSchema.parse(JSON.parse((await cli(args)).stdout)).accuracy!;
    };
    const [a, b, c] = [await figures('1'), await figures('1'), await figures('2')];
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
  const failing = async (folder: string) => {
    const { code, stdout } = await cli(['validate', fixture, folder, ...quick, '--max-drop', '1pt', '--json']);
    const report = reportSchema.parse(JSON.parse(stdout));
    expect({ code, verdict: report.verdict }).toEqual({ code: 1, verdict: 'fail' });
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
      'the model gives NaN or infinity for 200 of 200 examples',
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
    expect(await failing(folder)).toEqual([
      expect.stringMatching(/^its tokenizer is another one: it splits 200 of the first 200 texts in another way/),
    ]);
  }, 60_000);
});

describe('a gate that could not be checked is exit code 2', () => {
  it.each([
    ['no data', ['--max-drop', '1%'], /^bert-compress: --max-drop: expected --data .*, found none\n$/],
    ['no latency', [...quick, '--min-speedup', '1.1x'], /^bert-compress: --min-speedup: expected latency .*\n$/],
    [
      'no baseline',
      [...quick, '--baseline', 'nowhere.json'],
      /^bert-compress: --baseline: expected a baseline file, found nothing at 'nowhere\.json'.*\n$/,
    ],
    [
      'a task without labels',
      [...quick, '--task', 'feature-extraction', '--max-drop', '1%'],
      /^bert-compress: --max-drop: .*\n$/,
    ],
    [
      'no such column',
      [...quick, '--label', 'stars'],
      /^bert-compress: .*dev\.tsv: expected a label column 'stars', found .*\n$/,
    ],
    ['too many folds', [...quick, '--cross-validate', '500'], /^bert-compress: --cross-validate: .*\n$/],
  ])(
    '%s',
    async (_name, flags, message) => {
      const { code, stdout, stderr } = await cli(['validate', fixture, fixture, ...flags]);
      expect({ code, stdout }).toEqual({ code: 2, stdout: '' });
      expect(stderr).toMatch(message);
    },
    60_000,
  );

  it('no tokenizer', async () => {
    const folder = tempDir();
    copyFileSync(join(fixture, 'onnx/model.onnx'), join(folder, 'model.onnx'));
    const { code, stderr } = await cli(['validate', folder, folder]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/^bert-compress: .*tokenizer\.json: expected a readable file, found no such file\n$/);
  });

  it('rows that cannot be used are named and counted, and a label that no model has stops the work', async () => {
    const file = join(tempDir(), 'dev.tsv');
    writeFileSync(file, `${readFileSync(data, 'utf8').split('\n').slice(0, 30).join('\n')}\nno label\t\nonly a text\n`);
    const flags = ['--data', file, '--no-bench', '--json'];
    const { stdout } = await cli(['validate', fixture, fixture, ...flags]);
    expect(reportSchema.parse(JSON.parse(stdout)).data).toMatchObject({
      rows: 29,
      bad: [
        { line: 31, reason: 'no label' },
        { line: 32, reason: 'expected 2 fields, found 1' },
      ],
    });
    writeFileSync(file, 'text\tlabel\nhello\tgreeting\n');
    const { code, stderr } = await cli(['validate', fixture, fixture, ...flags]);
    expect(code).toBe(2);
    expect(stderr).toMatch(/line 2: expected one of billing, .*, found label 'greeting'\n$/);
  }, 60_000);
});

describe('a baseline', () => {
  it('is written, held, and not changed by a model that fails', async () => {
    const file = join(tempDir(), 'bert-compress.baseline.json');
    const run = (model: string, ...flags: string[]) =>
      cli(['validate', fixture, model, ...quick, '--max-drop', '2pt', '--baseline', file, '--json', ...flags]);
    const first = await run(await quantized('int8'), '--update-baseline');
    expect(first.code).toBe(0);
    expect(reportSchema.parse(JSON.parse(first.stdout)).baseline).toMatchObject({ path: file, updated: true });
    const kept = readFileSync(file, 'utf8');
    const larger = await run(await quantized('fp16'), '--update-baseline');
    expect(larger.code).toBe(1);
    expect(reportSchema.parse(JSON.parse(larger.stdout)).failures.join()).toMatch(/size against the baseline/);
    expect(readFileSync(file, 'utf8')).toBe(kept);
    expect(existsSync(file)).toBe(true);
  }, 60_000);
});
