// Gradients of whole classifiers against central differences.
import { expect, test } from 'vitest';
import { Builder } from '../../src/ir/builder.ts';
import { cloneModel } from '../../src/ir/clone.ts';
import type { Model } from '../../src/ir/graph.ts';
import { tinyBert } from '../support/bert.ts';
import { openGradients, slopes, type Feeds } from './support.ts';

/** Mean cross entropy of the logits with an input `labels` [batch]. */
export function withLoss(model: Model): { model: Model; loss: string } {
  const copy = cloneModel(model);
  copy.graph.inputs.push({ name: 'labels', dtype: 'int64', shape: ['batch'] });
  const builder = new Builder(copy.graph, copy.opsets.get('')!, 'loss');
  const logs = builder.op('LogSoftmax', ['logits'], { axis: -1n });
  const wide = builder.op('Unsqueeze', ['labels', builder.ints([1])]);
  const picked = builder.op('GatherElements', [logs, wide], { axis: 1n });
  const loss = builder.op('Neg', [builder.op('ReduceMean', [picked], { axes: [0n, 1n], keepdims: 0n })]);
  copy.graph.nodes.push(...builder.nodes);
  return { model: copy, loss };
}

const ints = (dims: number[], values: number[]): Feeds[string] => ({
  dtype: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});

test('every weight of a tiny BERT', async () => {
  const { model, loss } = withLoss(tinyBert());
  const of = [...model.graph.initializers]
    .filter(([, t]) => t.dtype === 'float32' && t.shape.length > 0)
    .map(([name]) => name);
  const open = await openGradients(model, { loss, of });
  const feeds = {
    input_ids: ints([2, 5], [5, 9, 7, 9, 1, 3, 2, 9, 0, 0]),
    attention_mask: ints([2, 5], [1, 1, 1, 1, 1, 1, 1, 1, 0, 0]),
    token_type_ids: ints([2, 5], [0, 0, 1, 1, 1, 0, 0, 0, 1, 1]),
    labels: ints([2], [2, 0]),
  };
  const report: string[] = [];
  for (const name of of) {
    const size = open.weights[name]!.data.length;
    const direction = { [name]: Float32Array.from({ length: size }, (_, i) => Math.sin(1 + 2.3 * i)) };
    const { analytic, numeric } = await slopes(open, feeds, direction, 0.02 / Math.sqrt(size));
    report.push(`${name} ${analytic} ${numeric}`);
    expect(Math.abs(analytic - numeric), report.at(-1)).toBeLessThan(2e-3 + 0.01 * Math.abs(numeric));
  }
  await open.session.release();
  expect(open.made.gradients.size).toBe(of.length);
  console.log(report.join('\n'));
});
