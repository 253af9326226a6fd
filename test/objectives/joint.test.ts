// Goals that share a graph: a batch of one costs what it would cost alone, and leaves the other heads where they are.
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer, type Tokenizer } from '../../src/data/tokenizer/tokenizer.ts';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import { Builder } from '../../src/ir/builder.ts';
import type { HostTensor } from '../../src/ir/host-tensor.ts';
import { createRandom } from '../../src/math/random.ts';
import type { FitTask } from '../../src/objectives/fit-task.ts';
import type { Feeder, Goal } from '../../src/objectives/goal.ts';
import { jointFeeder, jointLoss, type Member } from '../../src/objectives/joint.ts';
import { padSequences } from '../../src/objectives/pad.ts';
import { goalFor } from '../../src/objectives/registry.ts';
import type { Objective } from '../../src/train/types.ts';
import { emptyModel, openModel } from '../train/support.ts';

let tokenizer: Tokenizer;
beforeAll(async () => {
  tokenizer = await loadTokenizer(fileURLToPath(new URL('../support/tiny', import.meta.url)));
});

/** Output, labels and a row of each task. */
const tasks = {
  'text-classification': { output: 'a', labels: ['no', 'maybe', 'yes'], row: { label: 'yes' } },
  'multi-label-classification': { output: 'b', labels: ['x', 'y'], row: { labels: ['y'] } },
  'token-classification': {
    output: 'c',
    labels: ['O', 'X'],
    row: { words: ['a', 'good', 'movie'], tags: ['O', 'X', 'O'] },
  },
  regression: { output: 'd', labels: ['score'], row: { label: '2.5' } },
} as const;
const names = Object.keys(tasks) as (keyof typeof tasks)[];

const goalOf = (task: FitTask & keyof typeof tasks, suffix: string): Goal => {
  const { output, labels } = tasks[task];
  const context = { path: 'rows.tsv', tokenizer, maxLength: 16, labels, output, classes: labels.length };
  return goalFor(task, { ...context, suffix });
};

const shapeOf = ({ dims }: HostTensor): (string | number)[] =>
  dims.length === 3 ? ['batch', 'sequence', dims[2]!] : ['batch', dims[1]!];

/** Loss and gradients by the scores themselves, of two rows of a task. */
async function run(appendLoss: Objective['appendLoss'], feeder: Feeder, goal: Goal, task: keyof typeof tasks) {
  const samples = ['a good movie', 'a movie'].map((text, i) =>
    goal.sample({ line: i + 2, text, ...tasks[task].row } as Parameters<Goal['sample']>[0]),
  );
  const batch = padSequences(
    samples.flatMap(({ sequences }) => sequences),
    { padId: 0, padSide: 'right' },
  );
  const given = await feeder.feeds(
    batch,
    samples.map(({ target }) => target),
    createRandom(1),
  );
  const model = emptyModel();
  const scores: Record<string, HostTensor> = {};
  names.forEach((name, i) => {
    const { output, labels } = tasks[name];
    const dims = [2, ...(name === 'token-classification' ? [batch.sequence] : []), labels.length];
    const count = dims.reduce((a, b) => a * b);
    scores[output] = {
      dtype: 'float32',
      dims,
      data: Float32Array.from({ length: count }, (_, k) => Math.sin(3 * k + i)),
    };
  });
  const builder = new Builder(model.graph, 17, 'loss');
  const { loss, inputs } = appendLoss(builder);
  const read = Object.keys(scores).filter((name) => builder.nodes.some((node) => node.inputs.includes(name)));
  model.graph.inputs = [
    ...read.map((name) => ({ name, dtype: 'float32' as const, shape: shapeOf(scores[name]!) })),
    ...inputs,
  ];
  model.graph.nodes = builder.nodes;
  const { model: both, gradients } = differentiate(model, { loss, of: read });
  const session = await openModel(both);
  const found = await session.run({ ...Object.fromEntries(read.map((name) => [name, scores[name]!])), ...given.feeds });
  await session.release();
  const gradient = (name: string): Float32Array => {
    const one = gradients.get(name)!;
    if (one.kind === 'rows') throw new Error('expected a dense gradient');
    return found[one.output]!.data as Float32Array;
  };
  return { loss: Number(found[loss]!.data[0]), gradients: new Map(read.map((name) => [name, gradient(name)])) };
}

describe.each(names)('a batch of %s', (task) => {
  it('costs its own loss times its weight; no other head gets a gradient', async () => {
    const alone = goalOf(task, '');
    const single = await run(alone.appendLoss, alone, alone, task);
    const members = names.map((name, i): Member => ({ name, goal: goalOf(name, `_${name}`), weight: 1 + i / 2 }));
    const own = members[names.indexOf(task)]!;
    const joint = await run(jointLoss(members), jointFeeder(members, own), own.goal, task);
    expect(single.loss).toBeGreaterThan(0.1);
    expect(joint.loss).toBeCloseTo(own.weight * single.loss, 5);
    for (const name of names) {
      const { output } = tasks[name];
      const found = joint.gradients.get(output)!;
      const expected = name === task ? single.gradients.get(output)! : new Float32Array(found.length);
      expect(found.length).toBe(expected.length);
      found.forEach((value, i) => expect(value).toBeCloseTo(own.weight * expected[i]!, 6));
    }
  });
});
