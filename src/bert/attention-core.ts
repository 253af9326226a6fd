// Softmax between two products of token data is an attention: Q K^T before it, P V after it.
import type { Node } from '../ir/graph.ts';
import { floatAttr } from '../ir/node.ts';
import type { Term } from './mask.ts';
import { scalarAt, type Scene } from './scene.ts';

/** Softmax and the two products around it. */
export interface Core {
  readonly softmax: Node;
  readonly scores: Node;
  readonly context: Node;
  /** Values multiplied: [Q, K] as the node reads them, and V. */
  readonly queryKey: readonly [string, string];
  readonly value: string;
  /** Factor on the scores between product and Softmax; undefined where it depends on something unknown. */
  readonly factor: number | undefined;
  readonly terms: readonly Term[];
  readonly form: 'add' | 'where' | undefined;
  /** Terms of token data beside Q K^T: learned distances. */
  readonly relative: boolean;
}

const products = new Set([
  'MatMul',
  'FusedMatMul',
  'TransposeMatMul',
  'Einsum',
  'QLinearMatMul',
  'MatMulInteger',
  'MatMulIntegerToFloat',
]);

/** The two data operands of a product of two data-dependent values. */
function operands(scene: Scene, node: Node): readonly [string, string] | undefined {
  if (!products.has(node.op) || scene.denses.has(node)) return undefined;
  const [a, b] = scene.stream.sources(node);
  return a && b ? [a.value, b.value] : undefined;
}

/** Softmax as the operator, or written out: Exp divided by its own sum. */
export function softmaxes(scene: Scene): { node: Node; input: string; output: string }[] {
  return scene.stream.nodes.flatMap((node) => {
    const [a, b] = node.inputs;
    if (/^(QLinear)?Softmax$/.test(node.op) && scene.stream.live(a))
      return [{ node, input: a!, output: node.outputs[0]! }];
    if (node.op !== 'Div' || a === undefined || b === undefined) return [];
    const exp = scene.uses.producer.get(a);
    const sum = scene.uses.producer.get(b);
    if (exp?.op !== 'Exp' || sum?.op !== 'ReduceSum' || sum.inputs[0] !== a || !scene.stream.live(a)) return [];
    return [{ node, input: exp.inputs[0]!, output: node.outputs[0]! }];
  });
}

/** The attention around a Softmax, or why there is none. */
export function coreOf(scene: Scene, softmax: { node: Node; input: string; output: string }): Core | string {
  const context = contextOf(scene, softmax.output);
  if (!context) return 'its result is not multiplied with token data';
  const way = scoresOf(scene, softmax.input);
  if (!way) return 'no product of two token values before it';
  return { softmax: softmax.node, ...context, ...way };
}

const onward = new Set(
  'Cast Identity Dropout Reshape Transpose Where IsNaN Mul QuantizeLinear DequantizeLinear DynamicQuantizeLinear Squeeze Unsqueeze Not Sub Div'.split(
    ' ',
  ),
);

function contextOf(scene: Scene, from: string): Pick<Core, 'context' | 'value'> | undefined {
  const reached = new Set([from]);
  const pending = [from];
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    for (const { node } of scene.stream.readers(at)) {
      const pair = operands(scene, node);
      const value = pair?.find((operand) => !reached.has(operand));
      if (value !== undefined) return { context: node, value };
      if (!onward.has(node.op)) continue;
      for (const output of node.outputs) {
        if (!reached.has(output)) pending.push(output);
        reached.add(output);
      }
    }
  }
  return undefined;
}

type Way = Pick<Core, 'scores' | 'queryKey' | 'factor' | 'terms' | 'form' | 'relative'>;

/** Way back from Softmax to Q K^T: the nearest product reached without picking elements. */
function scoresOf(scene: Scene, from: string): Way | undefined {
  const cameFrom = new Map<string, string>();
  const pending = [from];
  const seen = new Set(pending);
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    const node = scene.uses.producer.get(at);
    if (!node || scene.denses.has(node)) continue;
    const pair = operands(scene, node);
    if (pair)
      return {
        scores: node,
        queryKey: ordered(scene, node, pair),
        ...alongWay(scene, from, at, cameFrom),
        ...endFactor(scene, node, at, from, cameFrom),
      };
    if (/^(GatherElements|Gather|Softmax|MatMul|Slice|Einsum|Conv)$/.test(node.op)) continue;
    for (const { value } of scene.stream.sources(node)) {
      if (!seen.has(value)) {
        cameFrom.set(value, at);
        pending.push(value);
      }
      seen.add(value);
    }
  }
  return undefined;
}

/** What acts on the scores between the product's output `start` and Softmax. */
function alongWay(
  scene: Scene,
  from: string,
  start: string,
  cameFrom: ReadonlyMap<string, string>,
): Omit<Way, 'scores' | 'queryKey' | 'factor'> {
  const terms: Term[] = [];
  let form: Way['form'];
  let relative = false;
  for (let at = start; at !== from;) {
    const next = cameFrom.get(at)!;
    const node = scene.uses.producer.get(next)!;
    if (/^(Add|Sub|QLinearAdd)$/.test(node.op)) {
      const others = (node.op === 'QLinearAdd' ? [node.inputs[0]!, node.inputs[3]!] : node.inputs).filter(
        (input) => input !== at,
      );
      for (const other of others) {
        // a Softmax in single steps subtracts the row's largest score
        if (scene.stream.live(other)) relative ||= node.op !== 'Sub';
        else {
          terms.push({ value: other, acts: 'add' });
          form = 'add';
        }
      }
    } else if (node.op === 'Where' && node.inputs[0] !== at) {
      terms.push({ value: node.inputs[0]!, acts: node.inputs[1] === at ? 'keep' : 'drop' });
      form = 'where';
    }
    at = next;
  }
  return { terms, form, relative };
}

/** Product of the constant factors on the way, the product node's own alpha included. */
function endFactor(
  scene: Scene,
  product: Node,
  start: string,
  from: string,
  cameFrom: ReadonlyMap<string, string>,
): Pick<Way, 'factor'> {
  let factor: number | undefined =
    (product.op.startsWith('Fused') || product.op === 'TransposeMatMul' ? floatAttr(product, 'alpha') : 1) ?? 1;
  for (let at = start; at !== from && factor !== undefined;) {
    const next = cameFrom.get(at)!;
    const node = scene.uses.producer.get(next)!;
    factor = timesFactor(scene, node, at, factor);
    at = next;
  }
  return { factor };
}

/** `factor` after a Mul or Div by a scalar; a factor that is no known scalar makes it unknown, quantization scales aside. */
export function timesFactor(scene: Scene, node: Node, data: string, factor: number): number | undefined {
  if (node.op !== 'Mul' && node.op !== 'Div') return factor;
  const other = node.inputs[node.inputs[0] === data ? 1 : 0];
  if (other === undefined || scene.stream.live(other)) return factor;
  const scalar = scalarAt(scene, other);
  if (scalar === undefined) return scene.trace.dims(other)?.length === 0 ? factor : undefined;
  return node.op === 'Mul' ? factor * scalar : factor / scalar;
}

/** Q first. In an Einsum Q is the operand that shares the second-to-last letter of the result. */
function ordered(_scene: Scene, node: Node, pair: readonly [string, string]): readonly [string, string] {
  const equation = node.attrs.get('equation');
  if (equation?.type !== 'string') return pair;
  const [left = '', out = ''] = new TextDecoder().decode(equation.value).replaceAll(' ', '').split('->');
  const [first = ''] = left.split(',');
  return first.includes(out.at(-2) ?? '') ? pair : [pair[1], pair[0]];
}
