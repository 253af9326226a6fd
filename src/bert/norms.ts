// Normalisations: LayerNorm and RMSNorm as operators, fused with a sum, or written out; and MobileBERT's scale and shift.
import type { Node } from '../ir/graph.ts';
import { floatAttr } from '../ir/node.ts';
import { elementCount } from '../ir/tensor.ts';
import { scalarAt, weightBehind, type Scene } from './scene.ts';
import type { Norm, Weight } from './types.ts';

export type PlainNorm = Omit<Norm, 'place'>;

/** Operator: kind, inputs of gamma and beta. */
const fused: Readonly<Record<string, { kind: Norm['kind']; gamma: number; beta?: number }>> = {
  LayerNormalization: { kind: 'layer', gamma: 1, beta: 2 },
  RMSNormalization: { kind: 'rms', gamma: 1 },
  SimplifiedLayerNormalization: { kind: 'rms', gamma: 1 },
  SkipLayerNormalization: { kind: 'layer', gamma: 2, beta: 3 },
  SkipSimplifiedLayerNormalization: { kind: 'rms', gamma: 2 },
  EmbedLayerNormalization: { kind: 'layer', gamma: 5, beta: 6 },
};

/** All norms in topological order. */
export function findNorms(scene: Scene): PlainNorm[] {
  const found = scene.stream.nodes.flatMap((node) => {
    const norm = fusedNorm(scene, node) ?? decomposedNorm(scene, node);
    return norm ? [norm] : [];
  });
  return found.length > 0 ? found : scene.stream.nodes.flatMap((node) => scaleAndShift(scene, node) ?? []);
}

function fusedNorm(scene: Scene, node: Node): PlainNorm | undefined {
  const form = fused[node.op];
  const live =
    node.op === 'EmbedLayerNormalization' ? scene.stream.live(node.outputs[0]) : scene.stream.live(node.inputs[0]);
  if (!form || !live) return undefined;
  const gamma = weightBehind(scene.graph, scene.uses, node.inputs[form.gamma]);
  const beta = form.beta === undefined ? undefined : weightBehind(scene.graph, scene.uses, node.inputs[form.beta]);
  const epsilon = floatAttr(node, 'epsilon');
  return {
    kind: form.kind,
    form: 'fused',
    node,
    op: node.op,
    output: node.outputs[0]!,
    ...optional({ gamma, beta, epsilon }),
  };
}

function optional<T extends object>(facts: T): { [K in keyof T]?: NonNullable<T[K]> } {
  return Object.fromEntries(Object.entries(facts).filter(([, value]) => value !== undefined)) as {
    [K in keyof T]?: NonNullable<T[K]>;
  };
}

/**
 * Written out: sqrt(mean(d^2) + eps), then a division by it (or a product with its reciprocal), then gamma and beta.
 * Found by the root: Sqrt or Pow -0.5 or 0.5 of a sum with a small constant whose other operand is a mean over the last axis.
 */
function decomposedNorm(scene: Scene, node: Node): PlainNorm | undefined {
  const root = node.op === 'Sqrt' || (node.op === 'Pow' && Math.abs(scalarAt(scene, node.inputs[1]) ?? 0) === 0.5);
  const sum = root && node.inputs[0] !== undefined ? scene.uses.producer.get(node.inputs[0]) : undefined;
  if (sum?.op !== 'Add' || !scene.stream.live(node.inputs[0])) return undefined;
  const mean = sum.inputs.map((input) => meanBehind(scene, input)).find((found) => found !== undefined);
  const epsilon = sum.inputs.map((input) => scalarAt(scene, input)).find((value) => value !== undefined);
  if (!mean) return undefined;
  const after = gammaAndBeta(scene, node);
  const centred = isCentred(scene, mean);
  return {
    kind: centred ? 'layer' : 'rms',
    form: 'decomposed',
    node,
    op: node.op,
    output: after.output,
    ...optional({ gamma: after.gamma, beta: after.beta, epsilon }),
  };
}

function meanBehind(scene: Scene, value: string): Node | undefined {
  const node = scene.uses.producer.get(value);
  if (!node || !scene.stream.live(value)) return undefined;
  if (node.op === 'ReduceMean') return node;
  return node.op === 'Cast' || node.op === 'Identity' ? meanBehind(scene, node.inputs[0]!) : undefined;
}

/** LayerNorm squares x - mean(x), RMSNorm x itself. */
function isCentred(scene: Scene, mean: Node): boolean {
  let at = mean.inputs[0];
  for (let steps = 0; at !== undefined && steps < 4; steps++) {
    const node = scene.uses.producer.get(at);
    if (node?.op === 'Sub') return true;
    if (!node || !/^(Pow|Mul|Cast|Identity|Abs)$/.test(node.op)) return false;
    at = node.inputs.find((input) => scene.stream.live(input));
  }
  return false;
}

/** Follow the root forward through products and sums; vectors of the width of the data are gamma and beta. */
function gammaAndBeta(scene: Scene, root: Node): { output: string; gamma?: Weight; beta?: Weight } {
  let gamma: Weight | undefined;
  let beta: Weight | undefined;
  let output = root.outputs[0]!;
  let pending = [root.outputs[0]!];
  for (let steps = 0; steps < 8 && pending.length > 0 && !beta; steps++) {
    const next: string[] = [];
    for (const at of pending) {
      for (const { node } of scene.stream.readers(at)) {
        if (!/^(Div|Mul|Reciprocal|Cast|Add|Sub|Identity)$/.test(node.op)) continue;
        const vector = node.inputs.map((input) => vectorBehind(scene, input)).find((found) => found !== undefined);
        const plus = node.op === 'Add' || node.op === 'Sub';
        if (plus && !vector && scene.stream.sources(node).length === 2 && !gamma) continue;
        if (plus && vector) beta = vector;
        else if (plus) continue;
        else if (vector) gamma ??= vector;
        output = plus && node.op === 'Sub' ? closing(scene, node.outputs[0]!) : node.outputs[0]!;
        next.push(...node.outputs);
      }
    }
    pending = next;
  }
  return { output, ...(gamma && { gamma }), ...(beta && { beta }) };
}

/** TensorFlow's form ends in x*inv*gamma + (beta - mean*inv*gamma). */
function closing(scene: Scene, value: string): string {
  const add = scene.stream.readers(value).find((use) => use.node.op === 'Add');
  return add?.node.outputs[0] ?? value;
}

function vectorBehind(scene: Scene, value: string): Weight | undefined {
  if (scene.stream.live(value)) return undefined;
  const weight = weightBehind(scene.graph, scene.uses, value);
  return weight &&
    elementCount(weight.tensor.shape) > 1 &&
    elementCount(weight.tensor.shape) === weight.tensor.shape.at(-1)
    ? weight
    : undefined;
}

/** MobileBERT's NoNorm: x * gamma + beta, looked for only where a graph has no real norm. */
function scaleAndShift(scene: Scene, node: Node): PlainNorm[] | undefined {
  if (node.op !== 'Mul' || scene.stream.sources(node).length !== 1) return undefined;
  const gamma = node.inputs.map((input) => vectorBehind(scene, input)).find((found) => found !== undefined);
  const [reader] = scene.stream.readers(node.outputs[0]!);
  if (!gamma || reader?.node.op !== 'Add') return undefined;
  const beta = reader.node.inputs.map((input) => vectorBehind(scene, input)).find((found) => found !== undefined);
  if (!beta) return undefined;
  return [{ kind: 'none', form: 'decomposed', node, op: node.op, output: reader.node.outputs[0]!, gamma, beta }];
}
