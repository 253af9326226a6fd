// Fused normalisations, embeddings and activations in parts.
import { floatAttr, intAttr, stringAttr } from '../../ir/node.ts';
import type { Node } from '../../ir/graph.ts';
import type { Emit } from '../emit.ts';
import type { Decomposition } from './decompose.ts';

function layerNorm(emit: Emit, node: Node, x: string, scale: string, bias: string): string {
  const inputs = bias === '' ? [x, scale] : [x, scale, bias];
  return emit.op('LayerNormalization', inputs, { axis: -1n, epsilon: floatAttr(node, 'epsilon') ?? 1e-12 });
}

/** LayerNormalization(x + skip + bias); its fourth output is the sum. */
const skipNorm: Decomposition = (node, emit) => {
  const [x = '', skip = '', scale = '', beta = '', bias = ''] = node.inputs;
  const sum = emit.add(bias === '' ? x : emit.add(x, bias), skip);
  return [layerNorm(emit, node, sum, scale, beta), '', '', sum];
};

/** The same with a root mean square: no mean is taken and no bias added. */
const skipRms: Decomposition = (node, emit) => {
  const [x = '', skip = '', scale = '', bias = ''] = node.inputs;
  const sum = emit.add(bias === '' ? x : emit.add(x, bias), skip);
  const attrs = { axis: -1n, epsilon: floatAttr(node, 'epsilon') ?? 1e-12 };
  return [emit.op('SimplifiedLayerNormalization', [sum, scale], attrs), '', '', sum];
};

/** Sum of word, position and segment rows, normalised; second output the number of tokens a row, third the sum. */
const embed: Decomposition = (node, emit) => {
  const [
    ids = '',
    segments = '',
    words = '',
    places = '',
    kinds = '',
    scale = '',
    beta = '',
    mask = '',
    positions = '',
  ] = node.inputs;
  const length = emit.op('Squeeze', [emit.size(ids, 1)]);
  const counted = emit.op('Range', [emit.scalarInt(0), length, emit.scalarInt(1)]);
  const rows = [emit.op('Gather', [words, ids]), emit.op('Gather', [places, positions === '' ? counted : positions])];
  if (segments !== '' && kinds !== '') rows.push(emit.op('Gather', [kinds, segments]));
  const sum = rows.reduce((a, b) => emit.add(a, b));
  const tokens = mask === '' ? '' : emit.cast(emit.sum(emit.cast(mask, 7), [1], false), 6);
  return [layerNorm(emit, node, sum, scale, beta), tokens, sum];
};

/** Gelu(x + bias), FastGelu(x + bias); without a bias they have rules. */
const biased =
  (op: string): Decomposition =>
  ({ inputs: [x = '', bias = ''] }, emit) =>
    bias === '' ? undefined : [emit.op(op, [emit.add(x, bias)], {}, 'com.microsoft')];

/** Gemm and the activation after it. */
const fusedGemm: Decomposition = (node, emit) => {
  const number = (name: string, otherwise: number): number => floatAttr(node, name) ?? otherwise;
  const attrs = {
    alpha: number('alpha', 1),
    beta: number('beta', 1),
    transA: BigInt(intAttr(node, 'transA') ?? 0),
    transB: BigInt(intAttr(node, 'transB') ?? 0),
  };
  const alpha = floatAttr(node, 'activation_alpha');
  const activation = stringAttr(node, 'activation') ?? 'Identity';
  return [emit.op(activation, [emit.op('Gemm', node.inputs, attrs)], alpha === undefined ? {} : { alpha })];
};

export const normParts: Readonly<Record<string, Decomposition>> = {
  'com.microsoft::SkipLayerNormalization': skipNorm,
  'com.microsoft::SkipSimplifiedLayerNormalization': skipRms,
  'com.microsoft::EmbedLayerNormalization': embed,
  'com.microsoft::BiasGelu': biased('Gelu'),
  'com.microsoft::FastGelu': biased('FastGelu'),
  'com.microsoft::FusedGemm': fusedGemm,
};
