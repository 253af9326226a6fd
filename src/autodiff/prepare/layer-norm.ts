// Finds LayerNorm written as plain operators and says what one operator it is.
import type { Graph, Node } from '../../ir/graph.ts';
import { isStandard, makeNode } from '../../ir/node.ts';
import { fixed, type Facts } from '../facts.ts';

/** x, scale, bias and epsilon of a LayerNorm. */
interface Norm {
  readonly x: string;
  readonly scale: string;
  readonly bias: string;
  readonly epsilon: number;
}

/** The last node of each LayerNorm and the LayerNormalization in its place (onnxruntime has it below opset 17 as well). */
export function composeLayerNorm(graph: Graph, facts: Facts): Map<Node, Node> {
  const found = new Map<Node, Node>();
  const look = new Look(facts);
  for (const node of graph.nodes) {
    const norm = node.op === 'Add' && isStandard(node) ? (look.centred(node) ?? look.folded(node)) : undefined;
    if (!norm || !look.fits(norm)) continue;
    const attrs = { axis: -1n, epsilon: norm.epsilon };
    found.set(
      node,
      makeNode('LayerNormalization', [norm.x, norm.scale, norm.bias], [...node.outputs], { name: node.name, attrs }),
    );
  }
  return found;
}

class Look {
  readonly #facts: Facts;

  constructor(facts: Facts) {
    this.#facts = facts;
  }

  /** (x - mean) / sqrt(var + eps) scale + bias. */
  centred(add: Node): Norm | undefined {
    for (const [scaled, bias] of sides(add)) {
      for (const [normed, scale] of sides(this.#node(scaled, 'Mul'))) {
        const found = this.#normed(normed);
        if (found) return { ...found, scale, bias };
      }
    }
    return undefined;
  }

  /** TensorFlow's x inv + (bias - mean inv), with inv = scale / sqrt(var + eps). */
  folded(add: Node): Norm | undefined {
    for (const [left, right] of sides(add)) {
      const shift = this.#node(right, 'Sub');
      for (const [x, inverse] of sides(this.#node(left, 'Mul'))) {
        const times = this.#node(shift?.inputs[1], 'Mul');
        if (!times?.inputs.includes(inverse)) continue;
        const mean = times.inputs.find((input) => input !== inverse) ?? '';
        if (!this.#isMean(mean, x)) continue;
        for (const [root, scale] of sides(this.#node(inverse, 'Mul'))) {
          const epsilon = this.#deviation(this.#node(root, 'Reciprocal')?.inputs[0], x);
          if (epsilon !== undefined) return { x, scale, bias: shift!.inputs[0]!, epsilon };
        }
      }
    }
    return undefined;
  }

  /** The scale and bias are vectors of the last axis, and the shape of x is the result's. */
  fits({ x, scale, bias }: Norm): boolean {
    const width = fixed(this.#facts.find(x)?.at(-1));
    const vector = (value: string): boolean => {
      const dims = this.#facts.find(value);
      return dims?.length === 1 && fixed(dims[0]) === width;
    };
    return width !== undefined && vector(scale) && vector(bias);
  }

  /** (x - mean) / sqrt(var + eps), or times the reciprocal. */
  #normed(value: string): { x: string; epsilon: number } | undefined {
    const node = this.#facts.uses.producer.get(value);
    const by = (
      centre: string | undefined,
      deviation: string | undefined,
    ): { x: string; epsilon: number } | undefined => {
      const x = this.#centred(centre);
      const epsilon = x === undefined ? undefined : this.#deviation(deviation, x);
      return x === undefined || epsilon === undefined ? undefined : { x, epsilon };
    };
    if (node?.op === 'Div') return by(node.inputs[0], node.inputs[1]);
    if (node?.op !== 'Mul') return undefined;
    for (const [centre, root] of sides(node)) {
      const found = by(centre, this.#node(root, 'Reciprocal')?.inputs[0]);
      if (found) return found;
    }
    return undefined;
  }

  /** x where the value is x - mean(x). */
  #centred(value: string | undefined): string | undefined {
    const node = this.#node(value, 'Sub');
    return node && this.#isMean(node.inputs[1], node.inputs[0]!) ? node.inputs[0] : undefined;
  }

  #isMean(value: string | undefined, x: string): boolean {
    const node = this.#node(value, 'ReduceMean');
    return node?.inputs[0] === x && this.#overLast(node);
  }

  /** eps where the value is sqrt(mean((x - mean x)^2) + eps). */
  #deviation(value: string | undefined, x: string): number | undefined {
    const sum = this.#node(this.#node(value, 'Sqrt')?.inputs[0], 'Add');
    for (const [variance, small] of sides(sum)) {
      const epsilon = this.#number(small);
      const mean = this.#node(variance, 'ReduceMean');
      if (epsilon === undefined || !mean || !this.#overLast(mean)) continue;
      const square = this.#facts.uses.producer.get(mean.inputs[0]!);
      const base = square?.op === 'Pow' && this.#number(square.inputs[1]) === 2 ? square.inputs[0] : undefined;
      const twice = square?.op === 'Mul' && square.inputs[0] === square.inputs[1] ? square.inputs[0] : undefined;
      if (this.#centred(base ?? twice) === x) return epsilon;
    }
    return undefined;
  }

  /** Reduces the last axis and keeps it. */
  #overLast(node: Node): boolean {
    const [from, to] = [this.#facts.find(node.inputs[0]!), this.#facts.find(node.outputs[0]!)];
    if (!from || from.length !== to?.length || fixed(to.at(-1)) !== 1) return false;
    return from.slice(0, -1).every((axis, i) => axis.every((size, trial) => size === to[i]![trial]));
  }

  #number(value: string | undefined): number | undefined {
    const known = this.#facts.known(value);
    return known?.data.length === 1 ? known.data[0] : undefined;
  }

  #node(value: string | undefined, op: string): Node | undefined {
    const node = value === undefined ? undefined : this.#facts.uses.producer.get(value);
    return node?.op === op && isStandard(node) ? node : undefined;
  }
}

/** Both orders of a commutative node's operands. */
function sides(node: Node | undefined): [string, string][] {
  const [a, b] = node?.inputs ?? [];
  return a === undefined || b === undefined
    ? []
    : [
        [a, b],
        [b, a],
      ];
}
