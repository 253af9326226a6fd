// What follows the last layer: pooler, classifiers, decoders, pooling, and what each graph output therefore is.
import type { Node } from '../ir/graph.ts';
import { isFloat } from '../ir/dtype.ts';
import type { Scene } from './scene.ts';
import type { Dims } from '../ir/trace/trace.ts';
import type { Dense, Embedding, Head, Norm, Output } from './types.ts';

/** Facts of the encoders that outputs are judged by. */
export interface Body {
  /** Dense layers that belong to layers or embeddings. */
  readonly taken: ReadonlySet<Dense>;
  readonly tokens: readonly Embedding[];
  readonly hidden: number | undefined;
  readonly norms: readonly Norm[];
}

/** Head of a graph. */
export function findHead(scene: Scene, body: Body): Head {
  const outputs = scene.graph.outputs
    .filter((output) => output.dtype === undefined || isFloat(output.dtype))
    .map((output) => outputOf(scene, output.name, body));
  const denses = [...scene.denses.values()].filter((dense) => !body.taken.has(dense));
  const classifiers = [
    ...new Set(outputs.flatMap((output) => (output.dense && output.kind !== 'pooled' ? [output.dense] : []))),
  ];
  const pooler = denses.find((dense) => isPooler(scene, dense, body.hidden));
  return { denses, norms: body.norms, pooler, classifiers, outputs };
}

/** Way from an output back to the last layer. */
interface Way {
  readonly denses: readonly Dense[];
  readonly nodes: readonly Node[];
  /** Nodes after the last dense layer. */
  readonly last: readonly Node[];
}

function wayBack(scene: Scene, from: string, taken: ReadonlySet<Dense>): Way {
  const denses = new Set<Dense>();
  const nodes = new Set<Node>();
  const last = new Set<Node>();
  const seen = new Set<string>();
  const pending: { value: string; final: boolean }[] = [{ value: from, final: true }];
  for (let at = pending.shift(); at !== undefined; at = pending.shift()) {
    const node = scene.uses.producer.get(at.value);
    if (!node || seen.has(at.value)) continue;
    seen.add(at.value);
    const dense = scene.denses.get(node);
    if (dense && taken.has(dense)) continue;
    if (/^(Softmax|Attention|MultiHeadAttention)$/.test(node.op) && !at.final) continue;
    if (dense) denses.add(dense);
    else {
      nodes.add(node);
      if (at.final) last.add(node);
    }
    for (const { value } of scene.stream.sources(node)) pending.push({ value, final: at.final && !dense });
  }
  return { denses: [...denses], nodes: [...nodes], last: [...last] };
}

function outputOf(scene: Scene, name: string, body: Body): Output {
  const way = wayBack(scene, name, body.taken);
  const [dense] = way.denses;
  const dims = scene.trace.dims(name);
  const pooling = poolingOf(scene, way.nodes);
  const normalised = way.last.some(
    (node) =>
      node.op === 'LpNormalization' || (node.op === 'ReduceL2' && lastAxis(scene, node)) || isSquareSum(scene, node),
  );
  const tokens = body.tokens.map((one) => one.weight.name);
  const rows = body.tokens[0]?.rows;
  const tied =
    dense === undefined || dense.outFeatures !== rows ? undefined : tokens.includes(dense.weight.name) || undefined;
  const kind = kindOf(scene, { name, dims, dense, way, pooling, normalised, rows, hidden: body.hidden });
  return { name, kind, dense, pooling, normalised, size: dense?.outFeatures ?? dims?.at(-1), tied };
}

interface Facts {
  readonly name: string;
  readonly dims: Dims | undefined;
  readonly dense: Dense | undefined;
  readonly way: Way;
  readonly pooling: Output['pooling'];
  readonly normalised: boolean;
  readonly rows: number | undefined;
  readonly hidden: number | undefined;
}

function kindOf(scene: Scene, facts: Facts): Output['kind'] {
  const { dense, dims, rows, hidden, way } = facts;
  if (!scene.stream.live(facts.name)) return 'unknown';
  if (facts.normalised) return 'sentence';
  if (!dense && dims !== undefined && dims.length < 2) return 'similarity';
  if (!dense) {
    if (facts.pooling) return 'sentence';
    return dims === undefined || dims.length === 3 ? 'hidden' : 'unknown';
  }
  if (dense.outFeatures === rows && dense.outFeatures !== hidden) return 'vocabulary-logits';
  const rank = dims?.length;
  const onTokens = facts.pooling === undefined && scene.trace.dims(dense.output)?.length === 3;
  if (rank === 2 && onTokens)
    return dense.outFeatures === 2 || /start|end/i.test(facts.name) ? 'span-logits' : 'token-logits';
  if (rank === 3 && onTokens) {
    if (dense.outFeatures === 2 && /start|end|span|qa/i.test(facts.name)) return 'span-logits';
    return dense.outFeatures === hidden && !/logit/i.test(facts.name) ? 'hidden' : 'token-logits';
  }
  const tanh = way.last.some((node) => node.op === 'Tanh');
  if (tanh && dense.outFeatures === hidden) return 'pooled';
  if (dense.outFeatures === hidden && /pool|embed|sentence|cls/i.test(facts.name)) return 'sentence';
  return 'logits';
}

/** How the sequence axis of [B, S, H] went away. */
function poolingOf(scene: Scene, nodes: readonly Node[]): Output['pooling'] {
  for (const node of nodes) {
    const from = scene.trace.dims(scene.stream.sources(node)[0]?.value);
    const to = scene.trace.dims(node.outputs[0]);
    if (from?.length !== 3 || !to || from[1] === undefined || from[1] === 1) continue;
    const gone =
      (to.length === 2 && to[0] === from[0] && to[1] === from[2]) ||
      (to.length === 3 && to[1] === 1 && to[2] === from[2]);
    if (!gone) continue;
    if (node.op === 'Gather' || node.op === 'Slice' || node.op === 'GatherND')
      return firstPicked(scene, node) ? 'first' : 'other';
    if (node.op === 'ReduceMean' || node.op === 'ReduceSum' || node.op === 'MatMul') return 'mean';
    if (node.op === 'ReduceMax') return 'max';
    if (node.op !== 'Squeeze' && node.op !== 'Reshape') return 'other';
  }
  return undefined;
}

function firstPicked(scene: Scene, node: Node): boolean {
  const start = scene.trace.known(node.inputs[1]);
  return start === undefined
    ? node.op === 'Slice'
    : start.data[0] === 0 ||
        (node.op === 'Slice' && start.data.length > 1 && Array.from(start.data).every((x) => x === 0));
}

function lastAxis(scene: Scene, node: Node): boolean {
  const from = scene.trace.dims(node.inputs[0]);
  const to = scene.trace.dims(node.outputs[0]);
  return from === undefined || to === undefined || (to.at(-1) !== from.at(-1) && from.at(-1) !== 1);
}

/** sqrt(sum(x x)): a length written out. */
function isSquareSum(scene: Scene, node: Node): boolean {
  if (node.op !== 'Sqrt' || node.inputs[0] === undefined) return false;
  const sum = scene.uses.producer.get(node.inputs[0]);
  const square = sum?.op === 'ReduceSum' ? scene.uses.producer.get(sum.inputs[0] ?? '') : undefined;
  return sum?.op === 'ReduceSumSquare' || square?.op === 'Pow' || square?.op === 'Mul';
}

/** BERT's pooler: a square dense layer on one token, then Tanh. */
function isPooler(scene: Scene, dense: Dense, hidden: number | undefined): boolean {
  if (dense.outFeatures !== hidden || dense.inFeatures !== hidden) return false;
  const rank = scene.trace.dims(dense.output)?.length;
  return (
    rank !== 3 &&
    scene.stream
      .readers(dense.output)
      .some((use) => use.node.op === 'Tanh' || (use.node.op === 'QuantizeLinear' && rank === 2))
  );
}
