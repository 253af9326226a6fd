// Goals: what they make of rows, and their loss as onnxruntime computes it, held against the formula in plain numbers.
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { Builder } from '../../src/ir/builder.ts';
import type { Model } from '../../src/ir/graph.ts';
import type { HostTensor } from '../../src/ir/host-tensor.ts';
import { createRandom } from '../../src/math/random.ts';
import { balancedWeights, positiveWeights } from '../../src/objectives/class-weights.ts';
import type { FitTask } from '../../src/objectives/fit-task.ts';
import { floatTensor, type Goal, type GoalContext, type PaddedBatch } from '../../src/objectives/goal.ts';
import { countLabels, orderLabels } from '../../src/objectives/label-names.ts';
import { hide } from '../../src/objectives/masked-language.ts';
import { padSequences } from '../../src/objectives/pad.ts';
import { countClasses, goalFor } from '../../src/objectives/registry.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession } from '../../src/runtime/session.ts';
import { piecesOf } from '../../src/train/pieces.ts';
import { tempDir } from '../support/temp.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(fileURLToPath(new URL('../support/tiny', import.meta.url)));
});

const contextOf = (more: Partial<GoalContext>): GoalContext => ({
  path: 'rows.tsv',
  tokenizer,
  maxLength: 16,
  labels: ['no', 'maybe', 'yes'],
  output: 'logits',
  classes: 3,
  ...more,
});

/** The loss of `logits` on the rows' targets, by onnxruntime. */
async function lossOf(goal: Goal, rows: Parameters<Goal['sample']>[0][], logits: HostTensor): Promise<number> {
  const samples = rows.map((row) => goal.sample(row));
  const batch = padSequences(
    samples.flatMap(({ sequences }) => sequences),
    { padId: 0, padSide: 'right' },
  );
  const targets = samples.map(({ target }) => target);
  const { feeds } = goal.feeds(batch, targets, createRandom(1));
  const graph: Model['graph'] = {
    name: 'loss',
    inputs: [{ name: 'logits', dtype: 'float32', shape: logits.dims.map(() => null) }],
    outputs: [],
    values: [],
    nodes: [],
    initializers: new Map(),
    sparse: new Map(),
  };
  const builder = new Builder(graph, 14, 'loss');
  const { loss, inputs, count } = goal.appendLoss(builder);
  graph.inputs.push(...inputs);
  graph.nodes.push(...builder.nodes);
  graph.outputs.push({ name: loss, dtype: 'float32' });
  const path = join(tempDir(), 'loss.onnx');
  writeModel(
    {
      graph,
      irVersion: 8,
      opsets: new Map([['', 14]]),
      producer: { name: '', version: '' },
      metadata: new Map(),
      functions: [],
    },
    path,
  );
  const session = await openSession(path, { threads: 1 });
  const run = async (given: Record<string, HostTensor>): Promise<number> =>
    Number((await session.run(given))[loss]!.data[0]);
  const whole = { feeds: { logits, ...feeds }, rows: rows.length };
  const found = await run(whole.feeds);
  if (count) {
    // a row at a time, each with its share, is the same mean
    let sum = 0;
    for (const piece of piecesOf(whole, [{ input: 'share', count }], rows.length))
      sum += Number(piece.shares['share']!.data[0]) * (await run(piece.feeds));
    expect(sum).toBeCloseTo(found, 5);
  }
  await session.release();
  return found;
}

const numbers = (count: number): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => 2 * Math.sin(3 * i + 1));
/** log softmax of row `row` of [rows, width]. */
function logSoftmax(values: Float32Array, row: number, width: number): number[] {
  const part = Array.from(values.subarray(row * width, (row + 1) * width));
  const sum = Math.log(part.reduce((total, x) => total + Math.exp(x), 0));
  return part.map((x) => x - sum);
}

describe('text classification', () => {
  const rows = ['yes', 'NO', '1'].map((label, i) => ({ line: i + 2, text: 'a good movie', label }));
  const ids = [2, 0, 1];
  const logits = numbers(9);

  it('is the cross-entropy of the label', async () => {
    const goal = goalFor('text-classification', contextOf({}));
    const expected = ids.reduce((sum, id, row) => sum - logSoftmax(logits, row, 3)[id]!, 0) / 3;
    expect(await lossOf(goal, rows, floatTensor([3, 3], logits))).toBeCloseTo(expected, 5);
  });

  it('spreads the target, and weighs classes as PyTorch does', async () => {
    const weights = [0.5, 2, 1];
    const goal = goalFor('text-classification', contextOf({ smoothing: 0.2, classWeights: weights }));
    // mean over the weights of the labels of -sum_c w_c q_c log p_c, q the spread target
    let [sum, whole] = [0, 0];
    for (const [row, id] of ids.entries()) {
      const logs = logSoftmax(logits, row, 3);
      for (const [c, log] of logs.entries()) sum -= weights[c]! * (0.8 * (c === id ? 1 : 0) + 0.2 / 3) * log;
      whole += weights[id]!;
    }
    expect(await lossOf(goal, rows, floatTensor([3, 3], logits))).toBeCloseTo(sum / whole, 5);
  });

  it('names the line of a label that the model has not', () => {
    const goal = goalFor('text-classification', contextOf({}));
    expect(() => goal.sample({ line: 7, text: 'a', label: 'perhaps' })).toThrow(
      "rows.tsv line 7: expected one of no, maybe, yes or 0 to 2, found label 'perhaps'",
    );
  });
});

describe('several labels a text', () => {
  it('is the binary cross-entropy of each', async () => {
    const goal = goalFor('multi-label-classification', contextOf({}));
    const rows = [
      { line: 2, text: 'a', label: 'no|yes', labels: ['no', 'yes'] },
      { line: 3, text: 'b', label: '', labels: [] },
    ];
    const logits = numbers(6);
    const targets = [1, 0, 1, 0, 0, 0];
    const expected = targets.reduce((sum, y, i) => sum + Math.log1p(Math.exp(logits[i]!)) - y * logits[i]!, 0) / 6;
    expect(await lossOf(goal, rows, floatTensor([2, 3], logits))).toBeCloseTo(expected, 5);
  });
});

describe('token classification', () => {
  it('counts the first token of each word and nothing else', async () => {
    const goal = goalFor('token-classification', contextOf({ labels: ['O', 'B-X', 'I-X'] }));
    const rows = [
      { line: 2, text: '', words: ['the', 'movie'], tags: ['O', 'B-X'] },
      { line: 3, text: '', words: ['good'], tags: ['I-X'] },
    ];
    const starts = rows.map(({ words }) => tokenizer.encodeWords(words, 16).starts);
    const sequence = tokenizer.encodeWords(rows[0]!.words, 16).encoding.ids.length;
    const logits = numbers(2 * sequence * 3);
    const picked = [
      [starts[0]![0]!, 0],
      [starts[0]![1]!, 1],
      [sequence + starts[1]![0]!, 2],
    ];
    const expected = picked.reduce((sum, [row, id]) => sum - logSoftmax(logits, row!, 3)[id!]!, 0) / 3;
    expect(await lossOf(goal, rows, floatTensor([2, sequence, 3], logits))).toBeCloseTo(expected, 5);
  });
});

describe('scores', () => {
  it('are the squared error of the one logit', async () => {
    const goal = goalFor('regression', contextOf({ classes: 1 }));
    const rows = ['1.5', '-2'].map((label, i) => ({ line: i + 2, text: 'a', label }));
    const found = await lossOf(goal, rows, floatTensor([2, 1], Float32Array.of(1, 1)));
    expect(found).toBeCloseTo((0.25 + 9) / 2, 5);
    expect(() => goal.sample({ line: 9, text: 'a', label: 'high' })).toThrow(
      "rows.tsv line 9: expected a number as score, found 'high'",
    );
  });

  it('of pairs are the squared error of the cosine of the two texts', async () => {
    const goal = goalFor('sentence-similarity', contextOf({ scale: 5 }));
    const rows = ['5', '1'].map((label, i) => ({ line: i + 2, text: 'a', textPair: 'b', label }));
    // rows 0 and 1 are the first pair
    const vectors = Float32Array.of(1, 0, 1, 1, 0, 2, 3, 0);
    const expected = ((1 - Math.SQRT1_2) ** 2 + 0.2 ** 2) / 2;
    expect(await lossOf(goal, rows, floatTensor([4, 2], vectors))).toBeCloseTo(expected, 5);
  });
});

describe('masked language modelling', () => {
  it('compares the chosen tokens alone', async () => {
    const goal = goalFor('fill-mask', contextOf({ classes: 30 }));
    const rows = [{ line: 2, text: 'the good movie was not good' }];
    const sample = goal.sample(rows[0]!);
    const batch = padSequences(sample.sequences, { padId: 0, padSide: 'right' });
    const { feeds } = goal.feeds(batch, [null], createRandom(1));
    const positions = [...feeds['masked_positions']!.data].map(Number);
    const labels = [...feeds['labels']!.data].map(Number);
    expect(labels).toEqual(positions.map((at) => batch.ids[at]));
    const logits = numbers(batch.sequence * 30);
    const expected =
      positions.reduce((sum, at, i) => sum - logSoftmax(logits, at, 30)[labels[i]!]!, 0) / positions.length;
    expect(await lossOf(goal, rows, floatTensor([1, batch.sequence, 30], logits))).toBeCloseTo(expected, 5);
  });

  it('hides 15 % of the tokens: 80 % masked, 10 % replaced, 10 % as they are; never special ones or padding', () => {
    const count = 200_000;
    const ids = Int32Array.from({ length: count }, (_, i) => (i % 10 === 0 ? 2 : 10));
    const mask = Uint8Array.from({ length: count }, (_, i) => (i % 10 === 1 ? 0 : 1));
    const vocabulary = { maskId: 4, specials: new Set([2, 4]), vocabulary: 10 };
    const hidden = hide({ ids, mask }, vocabulary, createRandom(3));
    const free = 0.8 * count;
    const share = (of: (id: number) => boolean): number =>
      hidden.positions.filter((at) => of(hidden.ids[at]!)).length / hidden.positions.length;
    expect(hidden.positions.length / free).toBeCloseTo(0.15, 2);
    expect(hidden.positions.every((at) => ids[at] === 10 && mask[at] === 1)).toBe(true);
    // one in ten of the replacements is the mask token by chance
    expect(share((id) => id === 4)).toBeCloseTo(0.81, 2);
    expect(share((id) => id === 10)).toBeCloseTo(0.1, 2);
    const untouched = hidden.ids.filter((id, i) => id === ids[i]).length;
    expect(untouched).toBeGreaterThanOrEqual(count - hidden.positions.length);
  });

  it('hides one token of a text where chance would hide none', () => {
    const batch: Pick<PaddedBatch, 'ids' | 'mask'> = { ids: Int32Array.of(2, 7, 3), mask: Uint8Array.of(1, 1, 1) };
    const vocabulary = { maskId: 4, specials: new Set([2, 3, 4]), vocabulary: 10 };
    for (let seed = 0; seed < 20; seed++)
      expect(hide(batch, vocabulary, createRandom(seed))).toMatchObject({ positions: [1], labels: [7] });
    expect(hide({ ids: Int32Array.of(2), mask: Uint8Array.of(1) }, vocabulary, createRandom(0))).toMatchObject({
      labels: [-100],
    });
  });
});

describe('labels of the data', () => {
  const rows = [
    { line: 1, text: '', label: '10', tags: ['B-X', 'O'] },
    { line: 2, text: '', label: '9', tags: ['B-A', 'O'] },
    { line: 3, text: '', label: '9', tags: ['O'] },
  ];

  it('are counted as the task has them', () => {
    expect([...countLabels('text-classification', rows, 'rows.tsv')]).toEqual([
      ['10', 1],
      ['9', 2],
    ]);
    expect([...countLabels('token-classification', rows, 'rows.tsv')]).toEqual([
      ['B-X', 1],
      ['O', 3],
      ['B-A', 1],
    ]);
    const lists = [
      { line: 1, text: '', label: 'a|b' },
      { line: 2, text: '', label: '["b", "c"]' },
    ];
    expect([...countLabels('multi-label-classification', lists, 'rows.tsv').keys()]).toEqual(['a', 'b', 'c']);
  });

  it.each<[string[], string[] | undefined, string[]]>([
    [['10', '9'], undefined, ['9', '10']],
    [['B-X', 'O', 'B-A'], undefined, ['O', 'B-A', 'B-X']],
    [['spam', 'ham'], undefined, ['ham', 'spam']],
    [['spam'], ['spam', 'ham'], ['spam', 'ham']],
  ])('%j (file: %j) get ids in the order %j', (found, known, order) => {
    expect(orderLabels(found, known)).toEqual(order);
  });
});

describe('class weights', () => {
  it('are those of scikit-learn and PyTorch', () => {
    // sklearn.utils.class_weight.compute_class_weight('balanced', classes=[0, 1, 2], y=[0]*6 + [1]*3 + [2]): 5/9, 10/9, 10/3
    balancedWeights([6, 3, 1]).forEach((weight, i) => expect(weight).toBeCloseTo([5 / 9, 10 / 9, 10 / 3][i]!, 12));
    expect(balancedWeights([4, 0])).toEqual([0.5, 1]);
    expect(positiveWeights([2, 0, 8], 8)).toEqual([3, 1, 0]);
  });

  it('follow the samples', () => {
    const counted = (task: FitTask, rows: Parameters<Goal['sample']>[0][]): number[] | undefined => {
      const goal = goalFor(task, contextOf({}));
      return countClasses(
        goal,
        rows.map((row) => goal.sample(row)),
        3,
      );
    };
    const rows = ['yes', 'no', 'yes'].map((label, i) => ({ line: i, text: 'a', label, labels: [label, 'no'] }));
    expect(counted('text-classification', rows)).toEqual([1, 0, 2]);
    expect(counted('multi-label-classification', rows)).toEqual([3, 0, 2]);
    expect(counted('regression', [{ line: 1, text: 'a', label: '2' }])).toBeUndefined();
  });
});
