// From hidden states [batch, sequence, hidden] to one vector a text [batch, hidden], in the graph.
import type { Builder } from '../../ir/builder.ts';
import { int64s } from '../../ir/tensor.ts';
import type { Features } from './features.ts';

/** The value that holds the vectors. The mean is over tokens, padding left out; without a mask over the whole sequence. */
export function pooledTokens(builder: Builder, features: Features, pooling: 'pooler' | 'cls' | 'mean'): string {
  const { hidden, pooled, mask } = features;
  if (pooling === 'pooler') return pooled!;
  if (pooling === 'cls') return builder.op('Gather', [hidden, builder.tensor(int64s([], [0]), 'first')], { axis: 1n });
  return maskedMean(builder, hidden, mask);
}

/** sum over tokens of h m / max(sum of m, 1); m is 1 on tokens, 0 on padding. */
export function maskedMean(builder: Builder, hidden: string, mask: string | undefined): string {
  if (mask === undefined) {
    const keep = { keepdims: 0n };
    return builder.opset < 18
      ? builder.op('ReduceMean', [hidden], { axes: [1n], ...keep })
      : builder.op('ReduceMean', [hidden, builder.ints([1])], keep);
  }
  const float = builder.op('Cast', [mask], { to: 1n });
  const wide =
    builder.opset < 13
      ? builder.op('Unsqueeze', [float], { axes: [2n] })
      : builder.op('Unsqueeze', [float, builder.ints([2])]);
  const sum = builder.reduceSum(builder.op('Mul', [hidden, wide]), [1], false);
  const count = builder.op('Max', [builder.reduceSum(float, [1], true), builder.scalar(1)]);
  return builder.op('Div', [sum, count]);
}
