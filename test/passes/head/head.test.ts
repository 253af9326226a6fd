// Fresh heads: what they compute from the encoder's hidden states, held against the same sums in plain numbers; and which weights are trained.
import { describe, expect, it } from 'vitest';
import { recognise } from '../../../src/bert/recognise.ts';
import { cloneModel } from '../../../src/ir/clone.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { asFloat32 } from '../../../src/ir/tensor.ts';
import { checkGraph } from '../../../src/ir/verify.ts';
import { featuresOf } from '../../../src/passes/head/features.ts';
import { freshHeads } from '../../../src/passes/head/head.ts';
import { placesOf, trainableWeights } from '../../../src/passes/head/trainable.ts';
import { tinyBert } from '../../support/bert.ts';
import { runModel } from '../../support/run-model.ts';

const context = { log: () => {}, progress: () => {} };
const model = tinyBert();
const [batch, sequence, hidden] = [3, 7, 16];
/** runModel's mask. */
const mask = Array.from({ length: batch * sequence }, (_, i) => (i % 11 === 6 ? 0 : 1));

function withHead(options: object, from: Model = model): Model {
  const result = freshHeads.run(from, freshHeads.options.parse(options), context);
  checkGraph(result.model.graph, 'head');
  return result.model;
}

/** A value of the model's inside. */
async function valueOf(from: Model, name: string): Promise<Float32Array> {
  const copy = cloneModel(from);
  copy.graph.outputs = [{ name, dtype: 'float32' }];
  return (await runModel(copy, { dims: [batch, sequence] }))[name]!;
}

/** W x + b for each row of x; W [labels, width]. */
function dense(x: ArrayLike<number>, width: number, weight: ArrayLike<number>, bias: ArrayLike<number>): number[] {
  const rows = x.length / width;
  return Array.from({ length: rows * bias.length }, (_, i) => {
    const [row, label] = [Math.floor(i / bias.length), i % bias.length];
    let sum = bias[label]!;
    for (let k = 0; k < width; k++) sum += x[row * width + k]! * weight[label * width + k]!;
    return sum;
  });
}

const weightsOf = (made: Model, name: string): Float32Array => asFloat32(made.graph.initializers.get(name)!);

function expectClose(found: ArrayLike<number>, expected: ArrayLike<number>): void {
  expect(found).toHaveLength(expected.length);
  for (let i = 0; i < expected.length; i++) expect(found[i]).toBeCloseTo(expected[i]!, 5);
}

describe('a fresh head on texts', () => {
  it('is behind the pooler where there is one', async () => {
    const made = withHead({ heads: [{ labels: 5 }] });
    const pooled = await valueOf(model, 'pooled');
    const { logits } = await runModel(made, { dims: [batch, sequence] });
    expectClose(logits!, dense(pooled, hidden, weightsOf(made, 'classifier.weight'), new Float32Array(5)));
    expect(made.graph.outputs).toEqual([{ name: 'logits', dtype: 'float32', shape: ['batch', 5] }]);
  });

  it('takes the mean over tokens, padding left out', async () => {
    const made = withHead({ heads: [{ labels: 2 }], pooling: 'mean' });
    const states = await valueOf(model, featuresOf(model.graph, recognise(model)).hidden);
    const mean = Array.from({ length: batch * hidden }, (_, i) => {
      const [row, k] = [Math.floor(i / hidden), i % hidden];
      let [sum, count] = [0, 0];
      for (let t = 0; t < sequence; t++) {
        sum += states[(row * sequence + t) * hidden + k]! * mask[row * sequence + t]!;
        count += mask[row * sequence + t]!;
      }
      return sum / count;
    });
    const { logits } = await runModel(made, { dims: [batch, sequence] });
    expectClose(logits!, dense(mean, hidden, weightsOf(made, 'classifier.weight'), new Float32Array(2)));
    expect(made.graph.initializers.has('pooler.weight')).toBe(false);
  });

  it('takes the first token', async () => {
    const made = withHead({ heads: [{ labels: 2 }], pooling: 'cls' });
    const cls = await valueOf(model, 'cls');
    const { logits } = await runModel(made, { dims: [batch, sequence] });
    expectClose(logits!, dense(cls, hidden, weightsOf(made, 'classifier.weight'), new Float32Array(2)));
  });

  it('has weights of the seed, near N(0, 0.02)', () => {
    const weights = (seed: number): number[] => [
      ...weightsOf(withHead({ heads: [{ labels: 200 }], seed }), 'classifier.weight'),
    ];
    expect(weights(1)).toEqual(weights(1));
    const values = weights(2);
    expect(values).not.toEqual(weights(1));
    expect(Math.sqrt(values.reduce((sum, x) => sum + x * x, 0) / values.length)).toBeCloseTo(0.02, 3);
  });
});

describe('a fresh head on tokens', () => {
  it('gives a row of scores a token', async () => {
    const made = withHead({ heads: [{ labels: 3, per: 'token' }] });
    const states = await valueOf(model, featuresOf(model.graph, recognise(model)).hidden);
    const weight = weightsOf(made, 'classifier.weight');
    const turned = Array.from({ length: 3 * hidden }, (_, i) => weight[(i % hidden) * 3 + Math.floor(i / hidden)]!);
    const { logits } = await runModel(made, { dims: [batch, sequence] });
    expectClose(logits!, dense(states, hidden, turned, new Float32Array(3)));
    expect(recognise(made).task).toBe('token-classification');
  });
});

describe('several heads', () => {
  it('stand side by side, each with its own output', async () => {
    const heads = [
      { labels: 2, output: 'mood_logits', weights: 'mood' },
      { labels: 4, output: 'topic_logits', weights: 'topic', per: 'token' },
    ];
    const outputs = await runModel(withHead({ heads, pooling: 'mean' }), { dims: [batch, sequence] });
    expect(Object.entries(outputs).map(([name, { length }]) => [name, length])).toEqual([
      ['mood_logits', batch * 2],
      ['topic_logits', batch * sequence * 4],
    ]);
  });
});

describe('trainable weights', () => {
  const found = recognise(model);

  it('are all that recognition knows but the tables and their norm', () => {
    const { weights, frozen } = trainableWeights(model, found);
    expect(frozen).toEqual([
      'embeddings.token',
      'embeddings.segment',
      'embeddings.position',
      'embeddings.norm.gamma',
      'embeddings.norm.beta',
    ]);
    // a layer: 6 dense layers and 2 norms; the head: pooler and classifier
    expect(weights).toHaveLength(2 * (6 + 2) * 2 + 4);
    expect(placesOf(found)).toHaveLength(weights.length + frozen.length);
  });

  it('decay where they are matrices', () => {
    const decay = new Map(trainableWeights(model, found).weights.map(({ name, decay }) => [name, decay]));
    expect(decay.get('layer.0.query.weight')).toBe(true);
    expect(decay.get('layer.0.query.bias')).toBe(false);
    expect(decay.get('layer.0.LayerNorm.weight')).toBe(false);
    expect(decay.get('classifier.weight')).toBe(true);
  });

  it('leave out what a pattern names, by path or by name', () => {
    const names = (freeze: string[]): string[] =>
      trainableWeights(model, found, { freeze, embeddings: true }).weights.map(({ name }) => name);
    expect(names(['layer.0.*']).filter((name) => name.startsWith('layer.0.'))).toEqual([]);
    expect(names(['*query.bias']).filter((name) => name.endsWith('query.bias'))).toEqual([]);
    expect(names([])).toContain('word_embeddings');
    expect(() => names(['no.such'])).toThrow(
      "--freeze: expected a pattern that matches a weight, found 'no.such', which matches none",
    );
    expect(() => names(['*'])).toThrow('expected weights to train, found all of them frozen');
  });

  it('are initializers, whatever they were', () => {
    const constant = cloneModel(model);
    const tensor = constant.graph.initializers.get('layer.0.query.weight')!;
    constant.graph.initializers.delete('layer.0.query.weight');
    constant.graph.nodes.unshift(makeNode('Constant', [], ['layer.0.query.weight'], { attrs: { value: tensor } }));
    const trainable = trainableWeights(constant, recognise(constant));
    expect(trainable.model.graph.initializers.get('layer.0.query.weight')).toBe(tensor);
    expect(trainable.model.graph.nodes.some(({ op }) => op === 'Constant')).toBe(false);
  });
});
