// Fewer tokens: rows of the token table, columns of the decoder and what belongs to them go; token numbers in the graph follow.
import { recognise } from '../../bert/recognise.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import { constantTensor } from '../../ir/constants.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { int64s, type Tensor } from '../../ir/tensor.ts';
import { traceGraph, trial } from '../../ir/trace/trace.ts';
import { indexUses } from '../../ir/uses.ts';
import type { Dense } from '../../bert/types.ts';
import { dropStaleTypes } from '../structure/stale-types.ts';
import { AxisWalk, type VocabularyAxes } from './vocabulary-axis.ts';
import { tokenNumbers, type Sight, type TokenConstant } from './vocabulary-ids.ts';
import { keepSlices, Numbering } from './vocabulary-tensors.ts';

/** What of a model depends on its tokens. */
export interface Vocabulary {
  /** Rows of the token table. */
  readonly rows: number;
  /** Tokens that the graph itself names: they must stay. */
  readonly named: ReadonlySet<number>;
  /** Graph outputs whose last axis counts tokens. */
  readonly outputs: ReadonlySet<string>;
  readonly axes: VocabularyAxes;
  readonly constants: readonly TokenConstant[];
}

/** Find it. Throws ModelError, naming the node, where tokens cannot be taken out of the graph. */
export function findVocabulary(model: Model): Vocabulary {
  const { graph } = model;
  const uses = indexUses(graph);
  const sight: Sight = { graph, uses, trace: traceGraph(graph, uses, trial) };
  const numbers = tokenNumbers(sight);
  const rows = rowsOf(sight, numbers.tables);
  const walk = new AxisWalk(sight, numbers, rows);
  for (const { node, index } of numbers.tables) {
    const table = node.inputs[index]!;
    walk.require(table, -sight.trace.dims(table)!.length, node);
  }
  const { head } = recognise(model);
  for (const dense of head.denses)
    if (isDecoder(dense, rows)) walk.require(weightOf(dense), dense.outFirst ? -2 : -1, dense.node);
  walk.finish();
  const missed = head.outputs.find(({ name, kind }) => kind === 'vocabulary-logits' && !walk.outputs.has(name));
  if (missed)
    throw new ModelError(`vocabulary: expected the decoder of output '${missed.name}', found none that was recognised`);
  const constants = [...numbers.constants, ...walk.constants];
  const exact = constants.filter(({ relation }) => relation === 'row' || relation === 'equal');
  const named = exact.flatMap((one) => one.numbers.map((id) => (one.relation === 'row' && id < 0 ? id + rows : id)));
  return {
    rows,
    named: new Set(named.filter((id) => id >= 0 && id < rows)),
    outputs: walk.outputs,
    axes: walk,
    constants,
  };
}

function rowsOf({ trace }: Sight, tables: readonly { readonly node: Node; readonly index: number }[]): number {
  const counts = new Set(tables.map(({ node, index }) => trace.dims(node.inputs[index])?.[0]));
  const [rows] = counts;
  if (counts.size === 1 && rows !== undefined) return rows;
  const found = counts.size === 0 ? 'none' : [...counts].map((count) => count ?? 'an unknown number').join(' and ');
  throw new ModelError(`vocabulary: expected token tables of one number of rows, found ${found}`);
}

/** A product with an output a token: what a masked language model ends in. */
function isDecoder(dense: Dense, rows: number): boolean {
  return dense.outFeatures === rows && dense.inFeatures !== rows;
}

/** The operand that is the weight. */
function weightOf({ weight }: Dense): string {
  return weight.through.at(-1)?.outputs[0] ?? weight.name;
}

/**
 * A model with the kept tokens only, numbered anew in their order; the given one is not changed.
 * @param kept old numbers, ascending; every one that the graph names among them
 */
export function keepVocabulary(input: Model, { rows, axes, constants }: Vocabulary, kept: ArrayLike<number>): Model {
  const model = cloneModel(input);
  const { graph } = model;
  const names = new Names(graph);
  const numbering = new Numbering(kept, rows);
  const operands = new Map<Node, Map<number, string>>();
  const replace = (node: Node, index: number, what: string, tensor: Tensor): void => {
    const name = names.fresh(`${node.inputs[index]}_${what}`);
    graph.initializers.set(name, tensor);
    operands.set(node, (operands.get(node) ?? new Map<number, string>()).set(index, name));
  };
  for (const one of constants) replace(one.node, one.index, 'renumbered', numbering.renumbered(one));
  for (const node of axes.targets) replace(node, 1, 'resized', resized(input.graph, node, kept.length));
  shrinkTensors(graph, axes, kept);
  graph.nodes = graph.nodes
    .filter((node) => !(node.op === 'Constant' && axes.tensors.has(node.outputs[0]!)))
    .map((node) => {
      const own = operands.get(node);
      return own ? { ...node, inputs: node.inputs.map((value, index) => own.get(index) ?? value) } : node;
    });
  graph.outputs = graph.outputs.map((output) =>
    output.shape && axes.outputs.has(output.name)
      ? { ...output, shape: output.shape.map((dim) => (dim === rows ? kept.length : dim)) }
      : output,
  );
  dropStaleTypes(input.graph, graph);
  return model;
}

function resized(graph: Graph, node: Node, count: number): Tensor {
  const target = node.inputs[1]!;
  const made = graph.nodes.find((one) => one.outputs.includes(target));
  const tensor = graph.initializers.get(target) ?? (made && constantTensor(made))!;
  const bytes = tensor.bytes();
  const sizes = Array.from({ length: bytes.length / 8 }, (_, i) =>
    new DataView(bytes.buffer, bytes.byteOffset).getBigInt64(8 * i, true),
  );
  return int64s(tensor.shape, [...sizes.slice(0, -1), count]);
}

/** Weights that a file lists among its inputs as well have their new shape there too. */
function shrinkTensors(graph: Graph, { tensors }: VocabularyAxes, kept: ArrayLike<number>): void {
  for (const [name, axis] of tensors) {
    const made = graph.nodes.find((node) => node.outputs.includes(name));
    graph.initializers.set(name, keepSlices(graph.initializers.get(name) ?? constantTensor(made!)!, axis, kept));
  }
  graph.inputs = graph.inputs.map((input) => {
    const shape = tensors.has(input.name) ? graph.initializers.get(input.name)?.shape : undefined;
    return shape ? { ...input, shape } : input;
  });
}
