// Reverse-mode differentiation of a graph: appends the nodes that compute the gradients of a scalar.
import { ModelError } from '../errors.ts';
import { Builder } from '../ir/builder.ts';
import { cloneModel } from '../ir/clone.ts';
import type { DataType } from '../ir/dtype.ts';
import type { Graph, Model, Node } from '../ir/graph.ts';
import { intAttr } from '../ir/node.ts';
import { sortNodes } from '../ir/sort.ts';
import { sweep } from '../ir/sweep.ts';
import { elementCount, floats } from '../ir/tensor.ts';
import { describe } from '../ir/verify.ts';
import { Emit } from './emit.ts';
import { fixed, type Axis, type Facts } from './facts.ts';
import { dependents } from './path.ts';
import type { Call } from './rule.ts';
import { broadcasting, exact } from './rules.ts';
import { operatorOf } from './prepare/decompose.ts';
import { prepare } from './prepare/prepare.ts';
import { unbroadcast } from './shape-of.ts';
import type { Differentiated, DifferentiateOptions, Gradient, GradientRows } from './types.ts';

/**
 * Append the gradients of `loss` to a copy of the model.
 * @throws ModelError where the loss is no scalar, a name is not there, an operator on the path has no rule, or a shape is not known
 */
export function differentiate(model: Model, options: DifferentiateOptions): Differentiated {
  const copy = cloneModel(model);
  const { graph } = copy;
  graph.nodes = sortNodes(graph.nodes, { has: () => true }).nodes;
  const walk = new Backward(graph, copy.opsets.get('') ?? copy.opsets.get('ai.onnx') ?? 1, options);
  walk.run();
  const gradients = walk.gradients();
  graph.nodes.push(...walk.emit.builder.nodes);
  if (walk.emit.fused && !copy.opsets.has('com.microsoft')) copy.opsets.set('com.microsoft', 1);
  const outputs = [...new Set([options.loss, ...(options.keep ?? []), ...[...gradients.values()].flatMap(namesOf)])];
  const indices = new Set([...gradients.values()].flatMap(partsOf).map((part) => part.indices));
  graph.outputs = outputs.map((name) => ({ name, dtype: indices.has(name) ? 'int64' : walk.dtype(name) }));
  feedWeights(graph, [...gradients.keys()]);
  sweep(graph);
  return { model: copy, loss: options.loss, gradients, origins: walk.origins };
}

/** Outputs a gradient comes in. */
function namesOf(gradient: Gradient): string[] {
  const dense = gradient.kind === 'rows' ? [] : [gradient.output];
  return [...dense, ...partsOf(gradient).flatMap((part) => [part.indices, part.rows])];
}

function partsOf(gradient: Gradient): readonly GradientRows[] {
  return gradient.kind === 'dense' ? [] : gradient.parts;
}

/** Initializers become inputs of the same name. */
function feedWeights(graph: Graph, of: readonly string[]): void {
  for (const name of of) {
    const tensor = graph.initializers.get(name);
    if (!tensor) continue;
    graph.initializers.delete(name);
    if (!graph.inputs.some((input) => input.name === name))
      graph.inputs.push({ name, dtype: tensor.dtype, shape: tensor.shape });
  }
}

/** The walk from the loss back. */
class Backward {
  readonly emit: Emit;
  readonly origins = new Map<string, string>();
  readonly #graph: Graph;
  readonly #options: DifferentiateOptions;
  readonly #facts: Facts;
  readonly #wanted: ReadonlySet<string>;
  /** What arrived at each value so far. */
  readonly #arrived = new Map<string, string[]>();
  readonly #rows = new Map<string, GradientRows[]>();
  readonly #dims = new Map<string, readonly Axis[]>();

  constructor(graph: Graph, opset: number, options: DifferentiateOptions) {
    this.#graph = graph;
    this.#options = options;
    this.#checkNames();
    this.emit = new Emit(new Builder(graph, opset, 'grad'));
    this.#facts = prepare(graph, this.emit, options.of);
    this.#wanted = dependents(graph.nodes, options.of, this.#facts);
  }

  run(): void {
    const { loss } = this.#options;
    const dims = this.#facts.find(loss);
    if (!dims || dims.some((axis) => fixed(axis) !== 1))
      throw new ModelError(
        `loss '${loss}': expected a scalar, found ${dims ? `[${dims.map((a) => a[0]).join(',')}]` : 'an unknown shape'}`,
      );
    if (!this.#wanted.has(loss)) return;
    const shape = dims.map(() => 1);
    this.#arrived.set(loss, [this.emit.constant(`one ${shape.length}`, () => floats(shape, [1]))]);
    for (const node of this.#graph.nodes.toReversed()) {
      const before = this.emit.builder.nodes.length;
      this.#through(node);
      for (const { name } of this.emit.builder.nodes.slice(before)) this.origins.set(name, node.name);
    }
  }

  gradients(): Map<string, Gradient> {
    const found = new Map<string, Gradient>();
    const used = new Set<string>();
    const output = (name: string): string => {
      // a value that is an output already, or no node's, gets a name of its own
      const own = used.has(name) || !this.emit.builder.nodes.some((node) => node.outputs.includes(name));
      const given = own ? this.emit.builder.op('Identity', [name]) : name;
      used.add(given);
      return given;
    };
    for (const name of new Set(this.#options.of)) {
      const dense = this.#total(name);
      const parts = this.#rows.get(name)?.map((part) => ({ indices: output(part.indices), rows: output(part.rows) }));
      if (parts && dense) found.set(name, { kind: 'both', output: output(dense), parts });
      else if (parts) found.set(name, { kind: 'rows', parts });
      else if (dense) found.set(name, { kind: 'dense', output: output(dense) });
    }
    return found;
  }

  /** Type of an output; gradients are float32. */
  dtype(name: string): DataType {
    return this.#facts.dtype(name) ?? 'float32';
  }

  #checkNames(): void {
    const there = new Set([
      ...this.#graph.inputs.map((input) => input.name),
      ...this.#graph.initializers.keys(),
      ...this.#graph.nodes.flatMap((node) => node.outputs),
    ]);
    for (const name of [this.#options.loss, ...this.#options.of, ...(this.#options.keep ?? [])])
      if (!there.has(name)) throw new ModelError(`gradient: expected a value '${name}' in the graph, found none`);
  }

  /** Sum of what arrived at a value. */
  #total(value: string): string | undefined {
    const parts = this.#arrived.get(value);
    if (!parts || parts.length === 0) return undefined;
    const total = parts.reduce((a, b) => this.emit.add(a, b));
    this.#arrived.set(value, [total]);
    return total;
  }

  #through(node: Node): void {
    const inputs = node.inputs.flatMap((input, i) => (this.#wanted.has(input) ? [i] : []));
    if (inputs.length === 0) return;
    const grads = node.outputs.map((output) => this.#total(output));
    if (grads.every((grad) => grad === undefined)) return;
    const op = operatorOf(node);
    const rule = broadcasting[op] ?? exact[op];
    if (!rule)
      throw new ModelError(
        `gradient: expected an operator with a gradient rule, found none for it (${describe(node)})`,
      );
    const call = this.#call(node, grads);
    if (this.#tableRows(call)) return;
    const given = rule(call);
    for (const i of inputs) {
      const input = node.inputs[i]!;
      if (i >= given.length)
        throw new ModelError(
          `gradient: expected no weight behind '${input}', input ${i} of an operator without a rule for it (${describe(node)})`,
        );
      const grad = given[i]?.();
      if (grad === undefined) continue;
      const fit = broadcasting[op]
        ? unbroadcast(this.emit, grad, call.dims(node.outputs[0]!), call.dims(input), node)
        : grad;
      const arrived = this.#arrived.get(input);
      if (arrived) arrived.push(fit);
      else this.#arrived.set(input, [fit]);
    }
  }

  #call(node: Node, grads: readonly (string | undefined)[]): Call {
    const dims = (value: string): readonly Axis[] => {
      let known = this.#dims.get(value);
      if (!known) this.#dims.set(value, (known = this.#facts.dims(value, node)));
      return known;
    };
    return {
      node,
      x: node.inputs,
      y: node.outputs,
      g: grads[0] ?? '',
      grads,
      emit: this.emit,
      facts: this.#facts,
      dims,
    };
  }

  /** A table asked for that is gathered from along axis 0: its gradient comes by rows. */
  #tableRows({ node, g, emit }: Call): boolean {
    if (node.op !== 'Gather' || (intAttr(node, 'axis') ?? 0) !== 0) return false;
    const table = this.#behindIdentity(node.inputs[0]!);
    const shape = this.#graph.initializers.get(table)?.shape;
    if (!this.#options.of.includes(table) || shape?.length !== 2 || elementCount(shape) === 0) return false;
    const flat = emit.reshape(node.inputs[1]!, [-1]);
    const indices = this.#facts.dtype(node.inputs[1]!) === 'int32' ? emit.cast(flat, 7) : flat;
    const parts = this.#rows.get(table) ?? [];
    parts.push({ indices, rows: emit.reshape(g, [-1, shape[1]!]) });
    this.#rows.set(table, parts);
    return true;
  }

  #behindIdentity(value: string): string {
    const node = this.#facts.uses.producer.get(value);
    return node?.op === 'Identity' ? this.#behindIdentity(node.inputs[0]!) : value;
  }
}
