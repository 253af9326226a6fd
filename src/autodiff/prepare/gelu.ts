// Finds GELU however it is written: functions of one value are followed at a few sample points and compared with GELU's.
import type { Graph, Node } from '../../ir/graph.ts';
import { isStandard, makeNode } from '../../ir/node.ts';
import type { Facts } from '../facts.ts';

const samples = [-5, -2.7, -1.1, -0.4, 0.15, 0.8, 1.9, 4.2];

/** A value as a function of another one, at the samples. */
interface Sampled {
  readonly source: string;
  readonly values: readonly number[];
}

const functions: Readonly<Record<string, (...x: number[]) => number>> = {
  Add: (a, b) => a! + b!,
  Sub: (a, b) => a! - b!,
  Mul: (a, b) => a! * b!,
  Div: (a, b) => a! / b!,
  Pow: (a, b) => a! ** b!,
  Erf: (a) => erf(a!),
  Tanh: (a) => Math.tanh(a!),
};

const forms = {
  Gelu: samples.map((x) => (x / 2) * (1 + erf(x * Math.SQRT1_2))),
  FastGelu: samples.map((x) => (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)))),
};

/** Last node of each GELU and onnxruntime's operator for it: x Phi(x) Gelu, the tanh form FastGelu. */
export function composeGelu(graph: Graph, facts: Facts): Map<Node, Node> {
  const found = new Map<Node, Node>();
  const sampled = new Map<string, Sampled>();
  for (const node of graph.nodes) {
    const made = isStandard(node) ? follow(node, sampled, facts) : undefined;
    if (!made) continue;
    sampled.set(node.outputs[0]!, made);
    for (const [op, form] of Object.entries(forms)) {
      if (made.values.every((value, i) => Math.abs(value - form[i]!) < 1e-5))
        found.set(node, makeNode(op, [made.source], [...node.outputs], { name: node.name, domain: 'com.microsoft' }));
    }
  }
  return found;
}

/** The node's output as a function of one source; other operands must be numbers. */
function follow(node: Node, sampled: ReadonlyMap<string, Sampled>, facts: Facts): Sampled | undefined {
  const fn = functions[node.op];
  if (!fn) return undefined;
  let source: string | undefined;
  const operands: (readonly number[])[] = [];
  for (const input of node.inputs) {
    const number = facts.known(input);
    if (number) {
      if (number.data.length !== 1) return undefined;
      operands.push(samples.map(() => number.data[0]!));
      continue;
    }
    const part = sampled.get(input) ?? { source: input, values: samples };
    if (source !== undefined && part.source !== source) return undefined;
    source = part.source;
    operands.push(part.values);
  }
  return source === undefined
    ? undefined
    : { source, values: samples.map((_, i) => fn(...operands.map((values) => values[i]!))) };
}

/** erf to 1.5e-7 (Abramowitz and Stegun, 7.1.26). */
function erf(x: number): number {
  const t = 1 / (1 + 0.3275911 * Math.abs(x));
  const poly = ((((1.061405429 * t - 1.453152027) * t + 1.421413741) * t - 0.284496736) * t + 0.254829592) * t;
  return Math.sign(x) * (1 - poly * Math.exp(-x * x));
}
