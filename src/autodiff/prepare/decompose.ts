// Fused operators as the plain ones they stand for, so that gradient rules are needed for those only.
import { ModelError } from '../../errors.ts';
import { isStandard } from '../../ir/node.ts';
import type { Node } from '../../ir/graph.ts';
import { describe } from '../../ir/verify.ts';
import type { Emit } from '../emit.ts';
import type { Facts } from '../facts.ts';
import { attentionParts } from './attention.ts';
import { normParts } from './norms.ts';

/** Writes what a node computes and names its outputs, '' for one that nobody may read; or leaves a node that is plain. */
export type Decomposition = (node: Node, emit: Emit, facts: Facts) => readonly string[] | undefined;

const parts: Readonly<Record<string, Decomposition>> = { ...attentionParts, ...normParts };

/** 'com.microsoft::Gelu', 'Attention'. */
export function operatorOf(node: Node): string {
  return isStandard(node) ? node.op : `${node.domain}::${node.op}`;
}

/** The node's parts in place of it, or undefined where it is plain. */
export function decompose(node: Node, emit: Emit, facts: Facts): Node[] | undefined {
  const write = parts[operatorOf(node)];
  if (!write) return undefined;
  const { nodes } = emit.builder;
  const before = nodes.length;
  const made = write(node, emit, facts);
  if (!made) return undefined;
  const missing = node.outputs.find((output, i) => output !== '' && !made[i] && facts.uses.consumers.has(output));
  if (missing !== undefined)
    throw new ModelError(`gradient: expected output '${missing}' to be unused, found a reader (${describe(node)})`);
  const named = node.outputs.flatMap((output, i) =>
    output !== '' && made[i] ? [emit.named('Identity', [made[i]], output)] : [],
  );
  return [...nodes.splice(before), ...named];
}
