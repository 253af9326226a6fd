// Attention blocks: the products around a Softmax and the dense layers that feed and follow them.
import { readBy } from './low-rank.ts';
import { coreOf, softmaxes, timesFactor, type Core } from './attention-core.ts';
import { fusedAttentions } from './attention-fused.ts';
import { headsOf } from './heads.ts';
import { maskFacts, type Term } from './mask.ts';
import { nameOf, type Scene } from './scene.ts';
import { originsOf } from './stream.ts';
import type { Attention, Dense } from './types.ts';
import { ahead, behind, plain, type Behind } from './walk.ts';

/** All attentions in topological order. A Softmax that is none (a classifier's, a convolution kernel's) is passed over. */
export function findAttentions(scene: Scene): Attention[] {
  const written = softmaxes(scene).flatMap((softmax) => {
    const core = coreOf(scene, softmax);
    return typeof core === 'string' ? [] : [attentionOf(scene, core)];
  });
  const at = (attention: Attention): number => scene.stream.order.get(attention.node) ?? 0;
  return [...written, ...fusedAttentions(scene)].toSorted((a, b) => at(a) - at(b));
}

function attentionOf(scene: Scene, core: Core): Attention {
  const ways = {
    query: behind(scene, core.queryKey[0]),
    key: behind(scene, core.queryKey[1]),
    value: behind(scene, core.value),
  };
  const where = nameOf(core.softmax);
  const query = only(scene, ways.query, `query of '${where}'`);
  const key = only(scene, ways.key, `key of '${where}'`);
  const value = only(scene, ways.value, `value of '${where}'`);
  const packed = key !== undefined && (key === query || key === value);
  const output = onlyAhead(scene, core.context.outputs[0]!, where);
  const scale = scaleOf(scene, core, ways);
  const facts = headsOf(scene, core, query, packed && key === query, scale);
  return {
    node: core.softmax,
    scores: core.scores,
    context: core.context,
    ...facts,
    kvHeads: fewerHeads(facts, key, packed, query, output),
    query,
    key,
    value,
    packed,
    output,
    scale,
    positions: positionsOf(scene, core, ways.query),
    mask: maskFacts(scene, core.terms, core.form),
    input: query && plain(scene, readBy(scene, query).input),
  };
}

/** The one dense layer behind a value, or a miss. */
function only(scene: Scene, way: Behind, part: string): Dense | undefined {
  const [dense] = way.denses;
  if (dense && way.denses.length === 1 && !way.open) return dense;
  scene.miss(part, dense ? 'more than one dense layer behind it' : 'no dense layer behind it');
  return undefined;
}

function onlyAhead(scene: Scene, context: string, where: string): Dense | undefined {
  const found = ahead(scene, context);
  if (found.length === 1) return found[0];
  scene.miss(
    `output of '${where}'`,
    found.length === 0 ? 'no dense layer after it' : 'more than one dense layer after it',
  );
  return undefined;
}

/** Factors on Q, on K and on the scores; SDPA exports put d^-1/4 on each side. */
function scaleOf(scene: Scene, core: Core, ways: { query: Behind; key: Behind }): number | undefined {
  let factor = core.factor;
  for (const way of [ways.query, ways.key]) {
    for (const node of way.nodes) {
      const sources = scene.stream.sources(node);
      if (sources.length !== 1 || factor === undefined) continue;
      const other = node.inputs[sources[0]!.index === 0 ? 1 : 0];
      const dims = scene.trace.dims(other);
      // vectors are biases, gammas and rotary tables, no scale
      if (dims?.every((dim) => dim === 1) === true) factor = timesFactor(scene, node, sources[0]!.value, factor);
    }
  }
  return factor === undefined ? undefined : Number(factor.toPrecision(6));
}

/** Grouped-query attention: K has fewer outputs than Q. */
function fewerHeads(
  facts: { heads: number | undefined; headSize: number | undefined },
  key: Dense | undefined,
  packed: boolean,
  query: Dense | undefined,
  output: Dense | undefined,
): number | undefined {
  const { heads, headSize } = facts;
  if (!heads || !headSize || !key) return undefined;
  const width = !packed
    ? key.outFeatures
    : key === query
      ? (key.outFeatures - (output?.inFeatures ?? heads * headSize)) / 2
      : key.outFeatures / 2;
  const kv = width / headSize;
  return Number.isInteger(kv) && kv < heads ? kv : undefined;
}

function positionsOf(scene: Scene, core: Core, query: Behind): Attention['positions'] {
  const ops = new Set(query.nodes.map((node) => node.op));
  const rotary =
    ops.has('RotaryEmbedding') || (ops.has('Concat') && (ops.has('Neg') || ops.has('Sub')) && ops.has('Mul'));
  return [
    ...(rotary ? (['rotary'] as const) : []),
    ...(core.relative ? (['relative'] as const) : []),
    ...(hasBias(scene, core.terms) ? (['bias'] as const) : []),
  ];
}

/** A learned table [buckets, heads] among what is added to the scores. */
function hasBias(scene: Scene, terms: readonly Term[]): boolean {
  return terms.some((term) => {
    if (term.acts !== 'add') return false;
    const { constants } = originsOf(scene.graph, scene.uses, term.value);
    return [...constants].some((name) => {
      const tensor = scene.graph.initializers.get(name);
      return (
        tensor !== undefined &&
        tensor.dtype.includes('float') &&
        tensor.shape.length >= 2 &&
        tensor.shape.every((dim) => dim > 1)
      );
    });
  });
}
