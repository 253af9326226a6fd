// Where a fresh head is put: the encoder's hidden states, its pooler's output, and the mask that tells tokens from padding.
import type { Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { indexUses } from '../../ir/uses.ts';

export interface Features {
  /** [batch, sequence, hidden] */
  readonly hidden: string;
  /** [batch, hidden], behind BERT's dense layer and tanh on the first token. */
  readonly pooled: string | undefined;
  readonly width: number;
  /** Graph input that is 1 on tokens and 0 on padding. */
  readonly mask: string | undefined;
}

/** @throws ModelError where the graph is no single encoder, or its last hidden state was not found */
export function featuresOf(graph: Graph, found: Recognition): Features {
  const [encoder, another] = found.encoders;
  if (found.family !== 'encoder' || !encoder || another)
    throw new ModelError(
      `head: expected a graph with one encoder, found ${found.encoders.length}, ${found.family}: ${found.reasons.join('; ')}`,
    );
  const hidden = hiddenOf(found);
  if (hidden === undefined || encoder.hidden === undefined)
    throw new ModelError('head: expected the hidden states behind the last layer, found no value that holds them');
  const { pooler } = found.head;
  const uses = indexUses(graph);
  const tanh = uses.consumers.get(pooler?.output ?? '')?.find(({ node }) => node.op === 'Tanh');
  return { hidden, pooled: tanh?.node.outputs[0], width: encoder.hidden, mask: encoder.inputs.mask };
}

/** The output that holds hidden states, else what the last norm of the encoder gives. */
function hiddenOf({ encoders: [encoder], head }: Recognition): string | undefined {
  const given = head.outputs.find(({ kind, dense }) => kind === 'hidden' && dense === undefined);
  if (given) return given.name;
  const last = encoder?.layers.at(-1)?.norms.at(-1);
  return (encoder?.normOrder === 'pre' ? head.norms[0] : last)?.output ?? last?.output;
}
