// Several teachers: twins of one teacher in other clothes (other vocabulary, other order of labels) change nothing; others do.
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { distill, type DistillModelOptions } from '../../../src/distill.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { asFloat32, floats } from '../../../src/ir/tensor.ts';
import { readModel } from '../../../src/onnx/read.ts';
import { writeModel } from '../../../src/onnx/write.ts';
import type { CompressionReport } from '../../../src/report/schema.ts';
import { modelFolder, writeRows } from '../../support/model-folder.ts';
import { tempDir } from '../../support/temp.ts';

const shape = { layers: 3, heads: 2, hidden: 16, ffn: 24 };
const teacher = modelFolder(shape);
const rows = writeRows(teacher, 48);

function options(more: Partial<DistillModelOptions> = {}): DistillModelOptions {
  const fixed = { data: rows, batch: 16, rate: 1e-3, bench: false, threads: 1, split: 0, cacheFolder: tempDir() };
  return { ...fixed, layers: 1, hard: 0, steps: 4, output: join(tempDir(), 'student'), ...more };
}

type Json = Record<string, unknown>;

function change(path: string, how: (json: Json) => Json): void {
  writeFileSync(path, JSON.stringify(how(JSON.parse(readFileSync(path, 'utf8')) as Json)));
}

/** The folder of a model of the same weights, changed. */
function twin(
  how: (model: Model, folder: string) => void,
  sizes: Partial<typeof shape & { seed: number }> = {},
): string {
  const folder = modelFolder({ ...shape, ...sizes });
  const model = readModel(join(folder, 'onnx/model.onnx'));
  how(model, folder);
  writeModel(model, join(folder, 'model.onnx'));
  rmSync(join(folder, 'onnx'), { recursive: true });
  return folder;
}

/** Rows of a matrix in another order: row i becomes row `to[i]`. */
function moveRows({ graph }: Model, name: string, to: (i: number) => number): void {
  const { shape } = graph.initializers.get(name)!;
  const before = asFloat32(graph.initializers.get(name)!);
  const width = before.length / shape[0]!;
  const after = before.slice();
  for (let i = 0; i < shape[0]!; i++) after.set(before.subarray(i * width, (i + 1) * width), to(i) * width);
  graph.initializers.set(name, floats(shape, after));
}

/** Labels in reverse and in capitals. */
const reversed = twin((model, folder) => {
  moveRows(model, 'classifier.weight', (i) => 2 - i);
  moveRows(model, 'classifier.bias', (i) => 2 - i);
  change(join(folder, 'config.json'), (config) => ({ ...config, id2label: { 0: 'Positive', 1: 'NEUTRAL', 2: 'negative' } })); // prettier-ignore
});

/** Words in reverse behind the special tokens. */
const renumbered = twin((model, folder) => {
  const size = model.graph.initializers.get('word_embeddings')!.shape[0]!;
  const to = (id: number): number => (id < 5 ? id : size + 4 - id);
  moveRows(model, 'word_embeddings', to);
  change(join(folder, 'tokenizer.json'), (json) => {
    const inner = json['model'] as Json & { vocab: Record<string, number> };
    const vocab = Object.fromEntries(Object.entries(inner.vocab).map(([word, id]) => [word, to(id)]));
    return { ...json, model: { ...inner, vocab } };
  });
});

const stranger = twin(() => {}, { seed: 5 });
const losses = ({ training }: CompressionReport): number[] => training!.curve.map(({ loss }) => loss);

function expectClose(found: readonly number[], expected: readonly number[]): void {
  expect(found).toHaveLength(expected.length);
  found.forEach((loss, i) => expect(loss / expected[i]!).toBeCloseTo(1, 3));
}

describe('distill from several teachers', () => {
  const alone = distill(teacher, options());

  it('learns the same from twins of the teacher with other labels in order and other ids for words', async () => {
    const teachers = [{ model: reversed, weight: 0.5 }, { model: renumbered }];
    const report = await distill(teacher, options({ teachers, teacherWeight: 2 }));
    expectClose(losses(report), losses(await alone));
    const named = report.steps.at(-1)!.options['teachers'];
    expect(named).toMatchObject([{ weight: 2 }, { model: join(reversed, 'model.onnx'), weight: 0.5 }, { weight: 1 }]);
    expect(report.notes.join('\n')).toContain(`${join(renumbered, 'model.onnx')}, weight 1: the teacher ran`);
  });

  it('goes the more towards another teacher the more it weighs, and keeps what each said', async () => {
    const cacheFolder = tempDir();
    const soft = async (weight: number): Promise<CompressionReport> =>
      distill(teacher, options({ teachers: [{ model: stranger, weight }], hidden: 0, cacheFolder }));
    const [little, much] = [await soft(1e-6), await soft(1e6)];
    const plain = await distill(teacher, options({ hidden: 0, cacheFolder }));
    expectClose(losses(little), losses(plain));
    expect(losses(much)[0]! / losses(plain)[0]!).not.toBeCloseTo(1, 2);
    expect(much.notes.filter((note) => note.includes('ran for 0 batches'))).toHaveLength(2);
  });

  it('compares text vectors of another width through a projection that the student does not keep', async () => {
    const encoder = (sizes: Partial<typeof shape>): string =>
      twin((model) => {
        const width = sizes.hidden ?? shape.hidden;
        model.graph.outputs = [{ name: 'layer.2.hidden', dtype: 'float32', shape: ['batch', 'sequence', width] }];
      }, sizes);
    const teachers = [{ model: encoder({ hidden: 24 }) }];
    const report = await distill(encoder({}), options({ teachers, steps: 12 }));
    const { curve } = report.training!;
    expect(curve.at(-1)!.parts['embedding']).toBeLessThan(curve[0]!.parts['embedding']!);
    const kept = [...readModel(report.output.path).graph.initializers.keys()];
    expect(kept.filter((name) => name.startsWith('distill'))).toEqual([]);
  });

  it.each([
    ['a weight of 0', { teachers: [{ model: reversed, weight: 0 }] }, 'expected a weight above 0, found 0'],
    ['a weight of 0 of the first', { teacherWeight: 0 }, 'teacher: expected a weight above 0'],
    ['a file that is not there', { teachers: [{ model: '/nowhere' }] }, '/nowhere: expected an .onnx file'],
    ['none that says anything', { teachers: [{ model: reversed }], soft: 0 }, 'teacher 2: expected class scores or'],
  ] as const)('refuses %s', async (_, more, message) => {
    await expect(distill(teacher, options(more))).rejects.toThrow(message);
  });

  it('refuses other labels, naming them', async () => {
    const other = twin((_, folder) =>
      change(join(folder, 'config.json'), (config) => ({ ...config, id2label: { 0: 'no', 1: 'maybe', 2: 'yes' } })),
    );
    await expect(distill(teacher, options({ teachers: [{ model: other }] }))).rejects.toThrow(
      'expected the labels of the first teacher negative, neutral, positive, found no, maybe, yes',
    );
  });
});
