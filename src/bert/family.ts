// Encoder, decoder, both, or no transformer at all, and why.
import type { Graph } from '../ir/graph.ts';
import type { Attention, Recognition } from './types.ts';

type Verdict = Pick<Recognition, 'family' | 'reasons'>;

/** What a graph without attention is made of instead. */
const instead: readonly { readonly ops: readonly string[]; readonly is: string }[] = [
  { ops: ['LSTM', 'GRU', 'RNN'], is: 'a recurrent network' },
  { ops: ['Conv', 'ConvInteger', 'QLinearConv', 'FusedConv'], is: 'a convolutional network' },
];

/** Judge a graph by its attentions. */
export function familyOf(graph: Graph, attentions: readonly Attention[], hasTokens: boolean): Verdict {
  if (attentions.length === 0) {
    const ops = new Set(graph.nodes.map((node) => node.op));
    const found = instead.find((entry) => entry.ops.some((op) => ops.has(op)));
    return {
      family: 'not-a-transformer',
      reasons: [
        'no Softmax or attention operator between two products of token data',
        ...(found ? [`the graph looks like ${found.is}`] : []),
      ],
    };
  }
  const causal = attentions.filter((attention) => attention.mask.kind === 'causal').length;
  const crossing = attentions.filter((attention) => crosses(attention)).length;
  if (causal > 0 && (crossing > 0 || causal < attentions.length)) {
    return { family: 'encoder-decoder', reasons: [`${causal} of ${attentions.length} attentions have a causal mask`] };
  }
  if (causal > 0)
    return { family: 'decoder', reasons: ['the mask of every attention is causal: no token sees a later one'] };
  const open = attentions.filter((attention) => attention.mask.kind === 'unknown').length;
  return {
    family: 'encoder',
    reasons: [
      open > 0
        ? `the mask of ${open} attentions could not be computed; none that could is causal`
        : 'no attention has a causal mask',
      ...(hasTokens ? [] : ['no table of tokens: the graph takes vectors']),
    ],
  };
}

/** Cross-attention: K comes from other data than Q. */
function crosses(attention: Attention): boolean {
  const { query, key } = attention;
  return (
    query !== undefined &&
    key !== undefined &&
    query.input !== key.input &&
    attention.mask.kind !== 'causal' &&
    attention.fused === undefined
  );
}
