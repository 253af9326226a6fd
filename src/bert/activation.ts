// Which activation a few nodes between two dense layers are.
import type { Node } from '../ir/graph.ts';
import { floatAttr, stringAttr } from '../ir/node.ts';
import { scalarAt, type Scene } from './scene.ts';
import type { Activation, Dense } from './types.ts';

/** Operators that are an activation by themselves. */
const single: Readonly<Record<string, Activation>> = {
  BiasGelu: 'gelu',
  FastGelu: 'gelu_tanh',
  BiasFastGelu: 'gelu_tanh',
  GemmFastGelu: 'gelu_tanh',
  Erf: 'gelu',
  Relu: 'relu',
  Swish: 'silu',
  Elu: 'elu',
  Selu: 'selu',
  Celu: 'celu',
  LeakyRelu: 'leaky_relu',
  PRelu: 'prelu',
  Mish: 'mish',
  HardSwish: 'hardswish',
  HardSigmoid: 'hardsigmoid',
  Softsign: 'softsign',
};

/** Activations that fused operators name in an attribute. */
const named: Readonly<Record<string, Activation>> = {
  Relu: 'relu',
  Tanh: 'tanh',
  Sigmoid: 'sigmoid',
  LeakyRelu: 'leaky_relu',
  Gelu: 'gelu',
  Erf: 'gelu',
};

/** The activation among `nodes` (anything else is passed over), or undefined where there is none. */
export function activationOf(
  scene: Scene,
  nodes: readonly Node[],
  before: readonly Dense[] = [],
): Activation | undefined {
  const ops = new Map(nodes.map((node) => [node.op, node]));
  const fused = before
    .map((dense) => named[stringAttr(dense.node, 'activation') ?? ''] ?? single[dense.node.op])
    .find((one) => one !== undefined);
  if (fused) return fused;
  const gelu = ops.get('Gelu');
  if (gelu) return stringAttr(gelu, 'approximate') === 'tanh' ? 'gelu_tanh' : 'gelu';
  const quick = ops.get('QuickGelu');
  if (quick) return isNear(floatAttr(quick, 'alpha') ?? 1.702, 1) ? 'silu' : 'quick_gelu';
  if (ops.has('Relu')) return isSquared(ops.get('Relu')!, nodes, scene) ? 'relu2' : 'relu';
  for (const op of ops.keys()) {
    const activation = single[op];
    if (activation) return activation;
  }
  // x tanh(softplus x)
  if (ops.has('Softplus')) return ops.has('Tanh') ? 'mish' : 'softplus';
  if (ops.has('Tanh')) return isTanhGelu(scene, nodes) ? 'gelu_tanh' : 'tanh';
  if (ops.has('Sigmoid') || ops.has('QLinearSigmoid')) return sigmoidForm(scene, nodes);
  return clipped(scene, nodes);
}

/** gelu_new: 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))), the cube by Pow or by Mul. */
function isTanhGelu(scene: Scene, nodes: readonly Node[]): boolean {
  const cube = nodes.some((node) => node.op === 'Pow' && scalarAt(scene, node.inputs[1]) === 3);
  return (
    cube ||
    nodes.some((node) =>
      node.inputs.some(
        (input) => isNear(scalarAt(scene, input), 0.044715) || isNear(scalarAt(scene, input), 0.0356774),
      ),
    )
  );
}

/** x sigmoid(x) is SiLU, x sigmoid(1.702 x) the quick GELU, anything else a plain sigmoid. */
function sigmoidForm(scene: Scene, nodes: readonly Node[]): Activation {
  const sigmoid = nodes.find((node) => node.op === 'Sigmoid' || node.op === 'QLinearSigmoid')!;
  if (nodes.some((node) => node.op === 'Mul' && node.inputs.some((input) => isNear(scalarAt(scene, input), 1.702))))
    return 'quick_gelu';
  const multiplied = nodes.some(
    (node) =>
      /^(QLinear)?Mul$/.test(node.op) &&
      scene.stream.sources(node).length === 2 &&
      node.inputs.includes(sigmoid.inputs[0]!),
  );
  const afterQuantization =
    nodes.some((node) => node.op === 'QuantizeLinear') && nodes.some((node) => node.op === 'Mul');
  return multiplied || afterQuantization ? 'silu' : 'sigmoid';
}

/** max(x, 0) written as Max or Clip. */
function clipped(scene: Scene, nodes: readonly Node[]): Activation | undefined {
  const max = nodes.some(
    (node) =>
      (node.op === 'Max' || (node.op === 'Clip' && !node.inputs[2])) &&
      node.inputs.some((input) => scalarAt(scene, input) === 0),
  );
  return max ? 'relu' : undefined;
}

function isSquared(relu: Node, nodes: readonly Node[], scene: Scene): boolean {
  const out = relu.outputs[0]!;
  return nodes.some(
    (node) =>
      (node.op === 'Pow' && node.inputs[0] === out && scalarAt(scene, node.inputs[1]) === 2) ||
      (node.op === 'Mul' && node.inputs[0] === out && node.inputs[1] === out),
  );
}

/** Equal to three digits: half precision files round their constants. */
function isNear(a: number | undefined, b: number): boolean {
  return a !== undefined && Math.abs(a - b) <= 2e-3 * Math.abs(b);
}
