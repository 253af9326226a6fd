// Recognising a BERT in a graph: anchors found by data flow, sorted into layers. An unknown detail costs one fact.
import { isFloat } from '../ir/dtype.ts';
import type { Graph, Model, Node } from '../ir/graph.ts';
import { orderedNodes } from '../ir/sort.ts';
import { indexUses, subgraphsOf } from '../ir/uses.ts';
import { findAttentions } from './attention.ts';
import { findDenses } from './dense.ts';
import { depthOf, stacks } from './depth.ts';
import { findEmbeddings } from './embeddings.ts';
import { familyOf } from './family.ts';
import { findFeedForwards, unknownOps } from './ffn.ts';
import { findHead } from './head.ts';
import { findInputs, givenInputs } from './inputs.ts';
import { sortStack, type Blocks, type Stack } from './layers.ts';
import { findLookups, tokenLookups, type Lookup } from './lookups.ts';
import { withoutDifferences } from './low-rank.ts';
import { findNorms } from './norms.ts';
import { missList, nameOf, type Scene } from './scene.ts';
import { findPositionTables } from './position-tables.ts';
import { makeStream } from './stream.ts';
import { taskOf } from './task.ts';
import { traceGraph, trial, type Trace } from '../ir/trace/trace.ts';
import type { Attention, Dense, Encoder, FeedForward, Recognition } from './types.ts';

/** Tokens of the long trial run: enough to see the end of a window of 256, twice ModernBERT's; its square is still quick to compute. */
const LONG = 160;

/** What config.json may add; everything else is read from the graph. */
export interface Hints {
  readonly architectures?: readonly string[];
}

/** Describe a model. Never throws on a valid graph: what was not found stands in `unrecognised`. */
export function recognise(model: Model, hints: Hints = {}): Recognition {
  const { graph } = model;
  const uses = indexUses(graph);
  const nodes = orderedNodes(graph);
  const lookups = findLookups(graph, uses);
  const tokens = tokenLookups(lookups);
  const misses = missList();
  if (tokens.length === 0) misses.miss('token embeddings', 'no table whose rows a graph input picks');

  const ids = new Set(tokens.map((token) => token.direct));
  // 2 is neither a usual padding number nor zero: masks derived from the ids are open
  const fill = (input: string): number => (ids.has(input) ? 2 : 1);
  const trace = traceGraph(graph, uses, { ...trial, fill });
  let long: Trace | undefined;
  const longTrace = (): Trace => (long ??= traceGraph(graph, uses, { batch: 1, sequence: LONG, fill }));
  const flow = makeStream(nodes, uses, seedsOf(graph, tokens, nodes));
  const all = findDenses(graph, uses, flow);
  const { stream, denses } = withoutDifferences(flow, all);
  const differences = [...all.values()].filter(({ node }) => !denses.has(node));
  const first = tokens[0]?.direct ?? givenInputs(graph).find((name) => stream.live(name));
  const scene: Scene = {
    graph,
    uses,
    trace,
    longTrace,
    stream,
    denses,
    batch: trace.dims(first)?.[0] ?? trial.batch,
    miss: misses.miss,
  };

  const attentions = findAttentions(scene);
  const ffns = findFeedForwards(scene, densesOf(attentions, []));
  const blocks: Blocks = {
    attentions,
    ffns,
    norms: findNorms(scene),
    depth: depthOf(stream, attentions, ffns),
    taken: densesOf(attentions, ffns),
  };
  const sorted = stacks(attentions, blocks.depth).map((members) => sortStack(scene, blocks, members));
  const encoders = encodersOf(scene, sorted, tokens, lookups);
  const taken = new Set([
    ...blocks.taken,
    ...sorted.flatMap((stack) => [
      ...stack.layers.flatMap((layer) => layer.others),
      ...(stack.projection ? [stack.projection] : []),
    ]),
  ]);
  const head = findHead(scene, {
    taken,
    tokens: encoders.flatMap((encoder) => encoder.embeddings.filter((one) => one.role === 'token')),
    hidden: encoders[0]?.hidden,
    norms: sorted.flatMap((stack) => stack.after),
  });
  missingParts(scene, encoders);
  notFollowed(model, misses.miss);
  const verdict = familyOf(graph, attentions, tokens.length > 0);
  return {
    ...verdict,
    encoders,
    head,
    task: verdict.family === 'encoder' ? taskOf(head, hints.architectures) : undefined,
    denses: [...all.values()],
    differences,
    norms: encoders
      .flatMap((encoder) => [...encoder.embeddingNorms, ...encoder.layers.flatMap((layer) => layer.norms)])
      .concat(head.norms),
    positionTables: findPositionTables(scene, encoders),
    unrecognised: misses.list,
  };
}

/** Where token data enters: the token rows; vectors given as inputs where there is no token table. */
function seedsOf(graph: Graph, tokens: readonly Lookup[], nodes: readonly Node[]): Set<string> {
  if (tokens.length > 0)
    return new Set(
      tokens
        .flatMap((token) => (token.role ? [token.node.outputs[0]!, token.node.outputs[2] ?? ''] : [token.output]))
        .filter(Boolean),
    );
  const given = new Set(givenInputs(graph));
  const vectors = graph.inputs
    .filter((input) => given.has(input.name) && isFloat(input.dtype) && !/mask/i.test(input.name))
    .map((input) => input.name);
  if (vectors.length > 0) return new Set(vectors);
  return new Set(nodes.filter((node) => node.inputs.some((input) => given.has(input))).flatMap((node) => node.outputs));
}

function densesOf(attentions: readonly Attention[], ffns: readonly FeedForward[]): Set<Dense> {
  const all = [
    ...attentions.flatMap((one) => [one.query, one.key, one.value, one.output]),
    ...ffns.flatMap((ffn) => [...ffn.in, ffn.out]),
  ];
  return new Set(all.filter((dense) => dense !== undefined));
}

/** Stacks with the embeddings they start from: each takes the token input that its first attention depends on. */
function encodersOf(
  scene: Scene,
  sorted: readonly Stack[],
  tokens: readonly Lookup[],
  lookups: readonly Lookup[],
): Encoder[] {
  const reach = tokens.map((token) => descendants(scene, token.role ? token.node.outputs[0]! : token.output));
  return sorted.map((stack, i): Encoder => {
    const input = stack.layers[0]?.attention.input;
    const own =
      tokens.find((_, k) => input !== undefined && reach[k]!.has(input)) ?? tokens[Math.min(i, tokens.length - 1)];
    const embeddings = own ? findEmbeddings(scene, own, lookups) : [];
    const foreign = new Set(tokens.filter((token) => token !== own).flatMap((token) => [...token.origins.inputs]));
    const others = sorted
      .filter((one) => one !== stack)
      .flatMap((one) => one.layers.flatMap((layer) => layer.attention.mask.inputs));
    for (const name of others) foreign.add(name);
    const { layers, projection, embeddingNorms, hidden, normOrder } = stack;
    return {
      embeddings,
      projection,
      embeddingNorms,
      layers,
      hidden,
      normOrder,
      inputs: findInputs(scene.graph, own, embeddings, layers, foreign),
    };
  });
}

function descendants(scene: Scene, from: string): Set<string> {
  const seen = new Set([from]);
  const pending = [from];
  for (let at = pending.pop(); at !== undefined; at = pending.pop()) {
    for (const { node } of scene.stream.readers(at)) {
      for (const output of node.outputs) {
        if (!seen.has(output)) pending.push(output);
        seen.add(output);
      }
    }
  }
  return seen;
}

/** Bodies whose products recognition does not see: data flows into them under other names. */
function notFollowed(model: Model, miss: Scene['miss']): void {
  for (const node of model.graph.nodes) {
    const count = productsIn(subgraphsOf(node).flatMap((graph) => graph.nodes));
    if (count > 0) miss(`body of ${nameOf(node)}`, `the ${count} products inside ${node.op} are not followed`);
  }
  const called = new Set(model.graph.nodes.map((node) => `${node.domain}::${node.op}`));
  for (const { name, domain, nodes } of model.functions) {
    if (!called.has(`${domain}::${name}`)) continue;
    miss(
      `function ${domain}::${name}`,
      `its ${nodes.length} nodes are not followed: inline functions first (onnx.inliner)`,
    );
  }
}

function productsIn(nodes: readonly Node[]): number {
  return nodes.reduce(
    (sum, node) =>
      sum +
      (/^(MatMul|Gemm|Conv|Einsum)$/.test(node.op) ? 1 : 0) +
      productsIn(subgraphsOf(node).flatMap((graph) => graph.nodes)),
    0,
  );
}

function missingParts(scene: Scene, encoders: readonly Encoder[]): void {
  for (const encoder of encoders) {
    encoder.layers.forEach((layer, i) => {
      if (layer.ffn.length === 0)
        scene.miss(
          `feed-forward block of layer ${i}`,
          'no two dense layers with an activation between them and a residual sum after them',
        );
      for (const ffn of layer.ffn) {
        if (ffn.activation === 'unknown')
          scene.miss(`activation of layer ${i}`, `operator not known: ${unknownOps(ffn.nodes).join(', ')}`);
      }
      if (layer.attention.mask.kind === 'unknown')
        scene.miss(`mask of layer ${i}`, layer.attention.mask.reason ?? 'not computed');
    });
    if (encoder.normOrder !== 'pre' && encoder.embeddings.length > 0 && encoder.embeddingNorms.length === 0)
      scene.miss('embedding norm', 'no norm before the first layer');
  }
}
