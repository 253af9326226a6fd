// Attention operators in parts: products, mask, Softmax.
import { ModelError } from '../../errors.ts';
import type { Node } from '../../ir/graph.ts';
import { floatAttr, intAttr, intsAttr } from '../../ir/node.ts';
import { describe } from '../../ir/verify.ts';
import type { Emit } from '../emit.ts';
import { fixed, type Facts } from '../facts.ts';
import type { Decomposition } from './decompose.ts';

/** Refuse what the parts below do not compute. */
function only(node: Node, holds: boolean, what: string): void {
  if (!holds) throw new ModelError(`gradient: expected ${what}, found other (${describe(node)})`);
}

/** Last axis of a value, which must be fixed. */
function widthOf(node: Node, facts: Facts, value: string): number {
  const width = fixed(facts.dims(value, node).at(-1));
  if (width === undefined)
    throw new ModelError(`gradient: expected a fixed width of '${value}', found none (${describe(node)})`);
  return width;
}

const rankOf = (node: Node, facts: Facts, value: string): number => facts.dims(value, node).length;

/** [B, S, heads size] as [B, heads, S, size]. */
function split(emit: Emit, value: string, heads: number, size: number): string {
  return emit.transpose(emit.reshape(value, [0, 0, heads, size]), [0, 2, 1, 3]);
}

function merge(emit: Emit, value: string, width: number): string {
  return emit.reshape(emit.transpose(value, [0, 2, 1, 3]), [0, 0, width]);
}

/** softmax(scale Q K^T + bias) V over [B, heads, S, size]. */
function core(
  emit: Emit,
  [q, k, v]: readonly [string, string, string],
  scale: number,
  biases: readonly string[],
): string {
  const scores = emit.matmul(q, k, { transB: true, alpha: scale });
  const biased = biases.reduce((sum, bias) => emit.add(sum, bias), scores);
  return emit.op('MatMul', [emit.op('Softmax', [biased], { axis: -1n }), v]);
}

/** 0 where a mask is true, else a number so low that Softmax gives 0. */
function additive(emit: Emit, kept: string, low: number): string {
  return emit.op('Where', [kept, emit.scalar(0), emit.scalar(low)]);
}

/** ai.onnx Attention of opset 23, no past, as many key heads as query heads. */
const attention: Decomposition = (node, emit, facts) => {
  const [q = '', k = '', v = '', mask = '', past = ''] = node.inputs;
  only(node, past === '', 'no past keys');
  only(node, intAttr(node, 'is_causal') !== 1, 'attention in both directions');
  only(node, !floatAttr(node, 'softcap'), 'no softcap');
  const flat = rankOf(node, facts, q) === 3;
  const heads = flat ? (intAttr(node, 'q_num_heads') ?? 0) : fixed(facts.dims(q, node)[1]);
  const keyHeads = flat ? intAttr(node, 'kv_num_heads') : fixed(facts.dims(k, node)[1]);
  only(node, heads !== undefined && heads > 0 && heads === keyHeads, 'as many key heads as query heads');
  const sizeOf = (value: string): number => widthOf(node, facts, value) / (flat ? heads! : 1);
  const wide = (value: string): string => (flat ? split(emit, value, heads!, sizeOf(value)) : value);
  const biases = mask === '' ? [] : [facts.dtype(mask) === 'bool' ? additive(emit, mask, lowest) : mask];
  const out = core(emit, [wide(q), wide(k), wide(v)], floatAttr(node, 'scale') ?? 1 / Math.sqrt(sizeOf(q)), biases);
  return [flat ? merge(emit, out, widthOf(node, facts, v)) : out];
};

/** The lowest float32, as exporters write masks. */
const lowest = -3.4028234663852886e38;

/** com.microsoft's masks: lengths [B], raw [B, S] or [B, S, S]; -10000 is added where nothing is to be read. */
function maskBias(node: Node, emit: Emit, facts: Facts, mask: string, keys: string): string[] {
  if (mask === '') return [];
  const low = floatAttr(node, 'mask_filter_value') ?? -10000;
  const rank = rankOf(node, facts, mask);
  only(node, rank <= 3, 'a mask of lengths or of tokens');
  const zero = emit.cast(emit.scalar(0), 6);
  if (rank > 1)
    return [additive(emit, emit.op('Greater', [emit.unsqueeze(mask, rank === 2 ? [1, 2] : [1]), zero]), low)];
  const same = facts.dims(mask, node)[0]!.every((size, i) => size === facts.dims(keys, node)[0]![i]);
  only(node, same, 'one length a row');
  const length = emit.op('Squeeze', [emit.size(keys, 1)]);
  const positions = emit.op('Range', [emit.scalarInt(0), length, emit.scalarInt(1)]);
  return [additive(emit, emit.op('Less', [positions, emit.cast(emit.unsqueeze(mask, [1, 2, 3]), 7)]), low)];
}

/** com.microsoft::Attention: one product for Q, K and V, weight [in, q + k + v]. */
const packed: Decomposition = (node, emit, facts) => {
  const [x = '', weight = '', bias = '', mask = '', past = '', extra = ''] = node.inputs;
  only(node, past === '' && intAttr(node, 'unidirectional') !== 1 && intAttr(node, 'do_rotary') !== 1, 'an encoder');
  const heads = intAttr(node, 'num_heads') ?? 1;
  const third = widthOf(node, facts, weight) / 3;
  const widths = intsAttr(node, 'qkv_hidden_sizes') ?? [third, third, third];
  const product = emit.op('MatMul', [x, weight]);
  const all = bias === '' ? product : emit.add(product, bias);
  const ends = widths.map((_, i) => widths.slice(0, i + 1).reduce((a, b) => a + b, 0));
  const part = (i: number): string =>
    split(
      emit,
      emit.op('Slice', [all, emit.ints([ends[i]! - widths[i]!]), emit.ints([ends[i]!]), emit.ints([2])]),
      heads,
      widths[i]! / heads,
    );
  const scale = floatAttr(node, 'scale') || 1 / Math.sqrt(widths[0]! / heads);
  const biases = [...maskBias(node, emit, facts, mask, x), ...(extra === '' ? [] : [extra])];
  return [merge(emit, core(emit, [part(0), part(1), part(2)], scale, biases), widths[2]!)];
};

/** com.microsoft::MultiHeadAttention with Q, K and V [B, S, width] apart. */
const multiHead: Decomposition = (node, emit, facts) => {
  const [q = '', k = '', v = '', bias = '', mask = '', extra = '', past = ''] = node.inputs;
  only(
    node,
    past === '' && k !== '' && v !== '' && intAttr(node, 'unidirectional') !== 1,
    'an encoder with Q, K and V',
  );
  only(
    node,
    [q, k, v].every((value) => rankOf(node, facts, value) === 3),
    'Q, K and V [batch, length, width]',
  );
  const heads = intAttr(node, 'num_heads') ?? 1;
  const widths = [q, k, v].map((value) => widthOf(node, facts, value));
  const part = (value: string, i: number): string => {
    const start = widths.slice(0, i).reduce((a, b) => a + b, 0);
    const own = emit.builder.ints([start]);
    const biased =
      bias === '' ? value : emit.add(value, emit.op('Slice', [bias, own, emit.ints([start + widths[i]!])]));
    return split(emit, biased, heads, widths[i]! / heads);
  };
  const scale = floatAttr(node, 'scale') || 1 / Math.sqrt(widths[0]! / heads);
  const biases = [...maskBias(node, emit, facts, mask, k), ...(extra === '' ? [] : [extra])];
  return [merge(emit, core(emit, [part(q, 0), part(k, 1), part(v, 2)], scale, biases), widths[2]!)];
};

export const attentionParts: Readonly<Record<string, Decomposition>> = {
  Attention: attention,
  'com.microsoft::Attention': packed,
  'com.microsoft::MultiHeadAttention': multiHead,
};
