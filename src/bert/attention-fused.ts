// Attention as one operator: ai.onnx Attention (opset 23) and onnxruntime's own.
import { readBy } from './low-rank.ts';
import type { Node } from '../ir/graph.ts';
import { floatAttr, intAttr, intsAttr, isStandard } from '../ir/node.ts';
import { maskFacts } from './mask.ts';
import { nameOf, type Scene } from './scene.ts';
import type { Attention, Dense, MaskFacts } from './types.ts';
import { ahead, behind, plain } from './walk.ts';

/** Input indices of Q, K, V, masks and biases; `packed` where one input with weights makes all three. */
interface Form {
  readonly masks: readonly number[];
  readonly packed: boolean;
  readonly causal: (node: Node) => boolean;
}

const unidirectional = (node: Node): boolean => intAttr(node, 'unidirectional') === 1;

const forms: Readonly<Record<string, Form>> = {
  Attention: { masks: [3, 5], packed: true, causal: unidirectional },
  QAttention: { masks: [5], packed: true, causal: unidirectional },
  MultiHeadAttention: { masks: [4, 5], packed: false, causal: unidirectional },
  PackedAttention: { masks: [5], packed: true, causal: () => false },
  PackedMultiHeadAttention: { masks: [6], packed: false, causal: () => false },
  GroupQueryAttention: { masks: [], packed: false, causal: () => true },
  DecoderMaskedSelfAttention: { masks: [3], packed: true, causal: () => true },
  DecoderMaskedMultiHeadAttention: { masks: [3], packed: false, causal: () => true },
};

const standard: Form = { masks: [3], packed: false, causal: (node) => intAttr(node, 'is_causal') === 1 };

/** Attentions that are one operator. */
export function fusedAttentions(scene: Scene): Attention[] {
  return scene.stream.nodes.flatMap((node) => {
    const form = isStandard(node) ? (node.op === 'Attention' ? standard : undefined) : forms[node.op];
    return form && scene.stream.live(node.inputs[0]) ? [attentionOf(scene, node, form)] : [];
  });
}

function attentionOf(scene: Scene, node: Node, form: Form): Attention {
  const own = form.packed ? scene.denses.get(node) : undefined;
  const dense = (index: number): Dense | undefined => own ?? denseAt(scene, node, index);
  const query = dense(0);
  const key = node.inputs[1] || own ? dense(1) : query;
  const value = node.inputs[2] || own ? dense(2) : query;
  const packed = key !== undefined && key === query;
  const sizes = intsAttr(node, 'qkv_hidden_sizes');
  const q = scene.trace.dims(node.inputs[0]);
  const k = scene.trace.dims(node.inputs[1]);
  const split = !form.packed && q?.length === 4;
  const heads = split ? q[1] : (intAttr(node, 'num_heads') ?? intAttr(node, 'q_num_heads'));
  const kv = split ? k?.[1] : (intAttr(node, 'kv_num_heads') ?? heads);
  const width = sizes?.[0] ?? (packed && query ? query.outFeatures / 3 : (query?.outFeatures ?? q?.at(-1)));
  const even = heads && width ? width / heads : undefined;
  const size = split ? q[3] : Number.isInteger(even) ? even : undefined;
  if (!heads) scene.miss('heads', `'${nameOf(node)}' does not say how many`);
  else if (size === undefined)
    scene.miss('head size', `'${nameOf(node)}': ${heads} heads do not divide ${width ?? 'an unknown width'}`);
  const following = ahead(scene, node.outputs[0]!);
  if (following.length !== 1) scene.miss(`output of '${nameOf(node)}'`, `${following.length} dense layers after it`);
  return {
    node,
    fused: isStandard(node) ? node.op : `${node.domain}::${node.op}`,
    heads,
    headSize: size,
    kvHeads: heads && kv && kv < heads ? kv : undefined,
    query,
    key,
    value,
    packed,
    output: following.length === 1 ? following[0] : undefined,
    scale: scaleOf(node, size),
    positions: intAttr(node, 'do_rotary') === 1 ? ['rotary'] : [],
    mask: maskOf(scene, node, form),
    input: query && plain(scene, readBy(scene, query).input),
  };
}

function denseAt(scene: Scene, node: Node, index: number): Dense | undefined {
  const value = node.inputs[index];
  if (!value) return undefined;
  const way = behind(scene, value);
  if (way.denses.length === 1 && !way.open) return way.denses[0];
  scene.miss(
    `${['query', 'key', 'value'][index]} of '${nameOf(node)}'`,
    way.denses.length ? 'more than one dense layer behind it' : 'no dense layer behind it',
  );
  return undefined;
}

/** The operators' default is 1/sqrt(head size); 0 means the default. */
function scaleOf(node: Node, size: number | undefined): number | undefined {
  const scale = floatAttr(node, 'scale');
  return scale ? Number(scale.toPrecision(6)) : size ? Number((size ** -0.5).toPrecision(6)) : undefined;
}

/** A mask without a row for each token, [B] lengths or [B, S], can only be about padding. */
function paddingByRank(scene: Scene, facts: MaskFacts): MaskFacts {
  const rank = scene.trace.dims(facts.value)?.length;
  if (facts.kind !== 'unknown' || rank === undefined || rank > 2) return facts;
  const { reason: _, ...known } = facts;
  return { ...known, kind: 'padding' };
}

function maskOf(scene: Scene, node: Node, form: Form): MaskFacts {
  const terms = form.masks.flatMap((index) => {
    const value = node.inputs[index];
    // ai.onnx: a boolean mask is true where the score stays, a float one is added; onnxruntime's integer masks are 1 where a token is
    return value
      ? [{ value, acts: scene.trace.dtype(value)?.startsWith('float') ? ('add' as const) : ('keep' as const) }]
      : [];
  });
  const facts = paddingByRank(scene, maskFacts(scene, terms, terms.length > 0 ? 'fused' : undefined));
  return form.causal(node) ? { ...facts, kind: 'causal', form: 'fused' } : facts;
}
