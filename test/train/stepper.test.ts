// Gradients as they reach the optimizer against central differences: tables by rows, tied tables, accumulated batches.
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import type { HostTensor } from '../../src/ir/host-tensor.ts';
import { makeNode } from '../../src/ir/node.ts';
import { floats, int64s } from '../../src/ir/tensor.ts';
import { crossEntropy } from '../../src/train/losses.ts';
import { adamWDefaults } from '../../src/train/optimizer.ts';
import { Stepper } from '../../src/train/stepper.ts';
import { countRows } from '../../src/train/pieces.ts';
import type { Objective, TrainBatch } from '../../src/train/types.ts';
import { emptyModel, int64, openModel } from './support.ts';
import { tinyBatches, tinyContext, tinyObjective } from './tiny-objective.ts';

const [HEIGHT, WIDTH] = [7, 3];
const wave = (count: number, step: number): number[] => Array.from({ length: count }, (_, i) => Math.sin(1 + i * step));

/** logits = table[ids] x decoder, the decoder being the table itself, transposed, where it is tied. */
function lookup(tied: boolean, table = wave(HEIGHT * WIDTH, 0.7)): Model {
  const model = emptyModel();
  const { graph } = model;
  graph.initializers.set('table', floats([HEIGHT, WIDTH], table));
  graph.initializers.set('decoder', floats([WIDTH, HEIGHT], wave(HEIGHT * WIDTH, 1.3)));
  graph.initializers.set('unused', floats([2], [1, 2]));
  graph.initializers.set('two', int64s([1], [2]));
  graph.inputs = [{ name: 'ids', dtype: 'int64', shape: ['batch', 'sequence'] }];
  graph.outputs = [{ name: 'logits', dtype: 'float32' }];
  graph.nodes = [
    makeNode('Gather', ['table', 'ids'], ['hidden'], { name: 'gather' }),
    makeNode('Transpose', ['table'], ['turned'], { name: 'turn', attrs: { perm: [1n, 0n] } }),
    makeNode('MatMul', ['hidden', tied ? 'turned' : 'decoder'], ['logits'], { name: 'decode' }),
  ];
  return model;
}

const objective = (model: Model, names: readonly string[]): Objective => ({
  model,
  weights: names.map((name) => ({ name, decay: false })),
  appendLoss: (builder) => ({
    loss: crossEntropy(builder, 'logits', 'labels', { classes: HEIGHT }),
    inputs: [{ name: 'labels', dtype: 'int64', shape: ['batch', 'sequence'] }],
  }),
});

const batch = (ids: number[], labels: number[]): TrainBatch => ({
  feeds: { ids: int64([2, 3], ids), labels: int64([2, 3], labels) },
  rows: 2,
});
const batches = [batch([0, 4, 4, 4, -1, 2], [1, 2, 3, 4, 5, 6]), batch([2, 2, 5, 4, 1, 1], [0, 0, 6, 2, 3, 5])];

const free = { ...adamWDefaults, clipNorm: Infinity };

async function lossOf(model: Model, given: readonly TrainBatch[]): Promise<number> {
  const stepper = await Stepper.open(objective(model, ['table']), free, tinyContext());
  const { loss } = await stepper.step(given, 0, 0);
  await stepper.release();
  return loss;
}

describe.each([
  ['a table by rows', false],
  ['a tied table', true],
])('%s', (_, tied) => {
  it.each([1, 2])('has the gradient of %i batches', async (count) => {
    const given = batches.slice(0, count);
    const stepper = await Stepper.open(objective(lookup(tied), ['table']), free, tinyContext());
    const { norm } = await stepper.step(given, 0.1, 0);
    await stepper.release();
    const [weight] = stepper.weights;
    expect(weight!.byRows).toBe(!tied);
    // after one step the mean of gradients is a tenth of the gradient
    const gradient = Array.from(weight!.moments[0], (value) => 10 * value);
    expect(Math.hypot(...gradient)).toBeCloseTo(norm, 4);
    const table = wave(HEIGHT * WIDTH, 0.7);
    const step = 1e-2;
    for (const i of [0, 4, 7, 12, 14, 20]) {
      const moved = (by: number): number[] => table.map((value, j) => (i === j ? value + by : value));
      const [up, down] = [
        await lossOf(lookup(tied, moved(step)), given),
        await lossOf(lookup(tied, moved(-step)), given),
      ];
      expect(gradient[i]).toBeCloseTo((up - down) / (2 * step), 3);
    }
  });
});

describe('Stepper', () => {
  it('leaves weights that the loss does not depend on, and says so', async () => {
    const context = tinyContext();
    const stepper = await Stepper.open(objective(lookup(false), ['table', 'unused', 'decoder']), free, context);
    expect(stepper.weights.map(({ name }) => name)).toEqual(['table', 'decoder']);
    expect(context.lines).toEqual(['the loss does not depend on 1 of 3 weights, which stay as they are: unused']);
    expect((await stepper.step(batches, 0.1, 0)).taken).toBe(true);
    await stepper.release();
    await expect(Stepper.open(objective(lookup(false), ['unused']), free, tinyContext())).rejects.toThrow(
      /expected to depend on a weight, found that it does not/,
    );
  });

  it('runs a batch in pieces to the step of the whole batch', async () => {
    const { model, weights, appendLoss } = tinyObjective();
    const objective: Objective = {
      model,
      weights,
      appendLoss: (builder) => ({ ...appendLoss(builder), count: countRows }),
    };
    let batch: TrainBatch | undefined;
    for await (const made of tinyBatches(7, 7).epoch(0, 0)) batch = made;
    const stepped = async (pieceTokens: number, given = objective) => {
      let runs = 0;
      const counted = async (graph: Model) => {
        const session = await openModel(graph);
        return { ...session, run: (...values: Parameters<typeof session.run>) => (runs++, session.run(...values)) };
      };
      const options = { ...adamWDefaults, pieceTokens };
      const stepper = await Stepper.open(given, options, tinyContext({ open: counted }));
      const result = await stepper.step([batch!, batch!], 0.1, 0);
      const gradients = stepper.weights.flatMap(({ moments }) => [...moments[0]]);
      await stepper.release();
      return { runs, result, gradients };
    };
    const [whole, pieces] = [await stepped(1024), await stepped(20)];
    expect(whole.runs).toBe(2);
    expect(pieces.runs).toBeGreaterThan(4);
    expect(pieces.result.loss).toBeCloseTo(whole.result.loss, 5);
    expect(pieces.result.parts['hard']).toBe(pieces.result.loss);
    expect(pieces.result.norm).toBeCloseTo(whole.result.norm, 4);
    pieces.gradients.forEach((value, i) => expect(value).toBeCloseTo(whole.gradients[i]!, 5));
    // without saying what the loss is a mean over, and where rows are fixed, a batch stays whole
    const { runs } = await stepped(20, { model, weights, appendLoss });
    expect(runs).toBe(2);
  });

  it('gives the model with the weights as they are, which move with the next step', async () => {
    const stepper = await Stepper.open(objective(lookup(false), ['table']), free, tinyContext());
    const model = stepper.model();
    const logits = async (): Promise<HostTensor> => {
      const session = await openModel(model);
      const outputs = await session.run({ ids: int64([1, 1], [4]) });
      await session.release();
      return outputs['logits']!;
    };
    const before = await logits();
    await stepper.step(batches, 0.1, 0);
    expect(await logits()).not.toEqual(before);
    await stepper.release();
  });
});
