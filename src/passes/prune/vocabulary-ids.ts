// Where a graph's token numbers go: into table look-ups, comparisons with constants, shapes; anything else is refused.
import { ModelError } from '../../errors.ts';
import { findLookups, tokenLookups } from '../../bert/lookups.ts';
import { nameOf } from '../../bert/scene.ts';
import { originsOf } from '../../bert/stream.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { intAttr, isStandard } from '../../ir/node.ts';
import type { Trace } from '../../ir/trace/trace.ts';
import type { Uses } from '../../ir/uses.ts';

/** A graph that is looked at. */
export interface Sight {
  readonly graph: Graph;
  readonly uses: Uses;
  readonly trace: Trace;
}

/** A constant operand that holds token numbers: input `index` of `node`. */
export interface TokenConstant {
  readonly node: Node;
  readonly index: number;
  readonly numbers: readonly number[];
  readonly shape: readonly number[];
  readonly dtype: 'int32' | 'int64';
  /**
   * What must hold of the new number. row: the constant picks rows. equal: x = c. below: x < c (or its contrary, x >= c);
   * notAbove: x <= c (or x > c). Renumbering keeps the order, so that the last two can be said of kept tokens alone.
   */
  readonly relation: 'row' | 'equal' | 'below' | 'notAbove';
}

/** Where token numbers go. */
export interface TokenNumbers {
  /** Values that are token numbers. */
  readonly values: ReadonlySet<string>;
  /** Inputs of nodes that are tables picked from by them. */
  readonly tables: readonly { readonly node: Node; readonly index: number }[];
  readonly constants: readonly TokenConstant[];
}

/** Operators whose result is the numbers themselves in another shape. */
const carriers = new Set(
  'Identity Reshape Squeeze Unsqueeze Flatten Expand Slice Transpose Tile Gather Split Concat'.split(' '),
);

/** Follow the token inputs. Throws ModelError for a graph that computes with token numbers, or has none. */
export function tokenNumbers(sight: Sight): TokenNumbers {
  const { graph, uses } = sight;
  const inputs = tokenLookups(findLookups(graph, uses)).flatMap(({ direct, origins }) => direct ?? [...origins.inputs]);
  if (inputs.length === 0)
    throw new ModelError('vocabulary: expected an input of token numbers that picks rows of a table, found none');
  const values = new Set(inputs);
  const tables: { node: Node; index: number }[] = [];
  const constants: TokenConstant[] = [];
  const outputs = new Set(graph.outputs.map((output) => output.name));
  const pending = [...values];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    if (outputs.has(at)) throw new ModelError(`vocabulary: expected no output of token numbers, found '${at}'`);
    for (const { node, index } of uses.consumers.get(at) ?? []) {
      const table = index < 0 ? undefined : tableInput(node, index);
      if (table !== undefined) tables.push({ node, index: table });
      else if (isStandard(node) && (node.op === 'Shape' || node.op === 'Size')) continue;
      else if (isStandard(node) && carries(sight, node, index, values)) {
        for (const output of node.outputs) {
          if (output === '' || values.has(output)) continue;
          values.add(output);
          pending.push(output);
        }
      } else constants.push(...comparedWith(sight, node, index, values));
    }
  }
  return { values, tables, constants };
}

/** Which input of a look-up is the table, where input `index` picks its rows. */
function tableInput(node: Node, index: number): number | undefined {
  if (isStandard(node) && node.op === 'Gather') return index === 1 ? 0 : undefined;
  if (/^Q?EmbedLayerNormalization$/.test(node.op)) return index === 0 ? 2 : undefined;
  return undefined;
}

function carries({ trace }: Sight, node: Node, index: number, values: ReadonlySet<string>): boolean {
  if (node.op === 'Cast') return /^int(32|64)$/.test(trace.dtype(node.outputs[0]) ?? '');
  if (node.op === 'Concat') return node.inputs.every((input) => values.has(input));
  return carriers.has(node.op) && index === 0;
}

/** Comparisons, with their relation where the token number stands on the left and where it stands on the right. */
const comparisons: Readonly<Record<string, readonly [TokenConstant['relation'], TokenConstant['relation']]>> = {
  Equal: ['equal', 'equal'],
  Less: ['below', 'notAbove'],
  GreaterOrEqual: ['below', 'notAbove'],
  Greater: ['notAbove', 'below'],
  LessOrEqual: ['notAbove', 'below'],
};

function comparedWith(sight: Sight, node: Node, index: number, values: ReadonlySet<string>): TokenConstant[] {
  const relations = isStandard(node) ? comparisons[node.op] : undefined;
  if (!relations || index < 0) {
    const how = index < 0 ? 'inside' : 'by';
    throw new ModelError(
      `vocabulary: expected token numbers that only pick rows or are compared with constants, found them used ${how} ${node.op} (node '${nameOf(node)}')`,
    );
  }
  const other = node.inputs[1 - index]!;
  if (values.has(other)) return [];
  return [{ ...constantNumbers(sight, node, 1 - index), relation: relations[index]! }];
}

/** The integers that input `index` of a node always is. Throws ModelError where they depend on data. */
export function constantNumbers(
  { graph, uses, trace }: Sight,
  node: Node,
  index: number,
): Omit<TokenConstant, 'relation'> {
  const value = node.inputs[index]!;
  const found = originsOf(graph, uses, value).inputs.size === 0 ? trace.known(value) : undefined;
  if (!found)
    throw new ModelError(
      `vocabulary: expected constant token numbers beside the given ones, found '${value}' (node '${nameOf(node)}', op ${node.op})`,
    );
  const all = Array.from(found.data);
  // sizes of the trial run are no sizes of the model: what is the same everywhere is written once
  const same = node.op !== 'Gather' && all.every((number) => number === all[0]);
  const dtype = found.dtype === 'int32' ? 'int32' : 'int64';
  return { node, index, numbers: same ? all.slice(0, 1) : all, shape: same ? [] : found.shape, dtype };
}

/** Is this Gather's `axis` the given one of its table? `axis` counts from the end, -1 being the last. */
export function picksAlong(node: Node, axis: number, rank: number): boolean {
  const given = intAttr(node, 'axis') ?? 0;
  return (given < 0 ? given : given - rank) === axis;
}
