// Feed-forward blocks: a dense layer, an activation, a second dense layer, and the sum with what went in.
import type { Node } from '../ir/graph.ts';
import { activationOf } from './activation.ts';
import type { Scene } from './scene.ts';
import type { Dense, FeedForward } from './types.ts';
import { behind, plain, residualAfter } from './walk.ts';

/** Sums over an axis belong to norms and poolings, Softmax to attention: none of them is inside a feed-forward block. */
const foreign = new Set(['Softmax', 'ReduceSum', 'ReduceMax', 'MatMul', 'GatherND', 'GatherElements']);

/** All feed-forward blocks; `taken` are the dense layers that attentions claimed. */
export function findFeedForwards(scene: Scene, taken: ReadonlySet<Dense>): FeedForward[] {
  const found: FeedForward[] = [];
  for (const out of scene.denses.values()) {
    if (taken.has(out)) continue;
    const block = blockEndingIn(scene, out, taken);
    if (block) found.push(block);
  }
  return found;
}

function blockEndingIn(scene: Scene, out: Dense, taken: ReadonlySet<Dense>): FeedForward | undefined {
  const way = behind(scene, out.input, 2);
  if (way.open || way.denses.length === 0 || way.denses.length > 2) return undefined;
  if (way.denses.some((dense) => taken.has(dense)) || way.nodes.some((node) => foreign.has(node.op))) return undefined;
  const activation =
    activationOf(scene, way.nodes, way.denses) ?? (unknownOps(way.nodes).length > 0 ? 'unknown' : undefined);
  if (!activation || !residualAfter(scene, out.output)) return undefined;
  const [first, second] = way.denses;
  if (second && plain(scene, first!.input) !== plain(scene, second.input)) return undefined;
  const width = out.inFeatures;
  if (activation === 'unknown' && way.denses.some((dense) => dense.outFeatures % width !== 0)) return undefined;
  const gated = second ? 'two-branch' : first!.outFeatures === 2 * width ? 'split' : false;
  return {
    in: second ? activatedFirst(scene, out, first!, second) : [first!],
    out,
    width,
    activation,
    nodes: inside(way.nodes, way.denses),
    gated,
  };
}

/** Operators that move data, scale it, or normalise it: none of them makes a block of two dense layers a feed-forward block. */
const plainOps = new Set(
  (
    'Cast CastLike Identity Dropout Reshape Transpose Squeeze Unsqueeze Flatten Expand Slice Split Concat Gather Pad Tile Add Sub Mul Div Sum ' +
    'QuantizeLinear DequantizeLinear DynamicQuantizeLinear QLinearAdd QLinearMul LayerNormalization RMSNormalization SimplifiedLayerNormalization ' +
    'SkipLayerNormalization SkipSimplifiedLayerNormalization BatchNormalization InstanceNormalization GroupNormalization ' +
    'ReduceMean Sqrt Pow Reciprocal IsNaN Where'
  ).split(' '),
);

/** Operators between two dense layers that could be an activation this tool does not know. */
export function unknownOps(nodes: readonly Node[]): string[] {
  const names = nodes
    .filter((node) => !plainOps.has(node.op))
    .map((node) => (node.domain ? `${node.domain}::${node.op}` : node.op));
  return [...new Set(names)];
}

/** Nodes of the activation and the gate; those that add biases or take scales back belong to the dense layers. */
function inside(nodes: readonly Node[], denses: readonly Dense[]): Node[] {
  const biases = new Set(
    denses.map((dense) => dense.bias?.node).filter((node) => node?.op === 'Add' || node?.op === 'QLinearAdd'),
  );
  return nodes.filter((node) => !biases.has(node)).toReversed();
}

/** Of two branches that are multiplied, the one behind the activation. */
function activatedFirst(scene: Scene, out: Dense, a: Dense, b: Dense): Dense[] {
  const gate = gateOf(scene, out.input);
  for (const source of gate ? scene.stream.sources(gate) : []) {
    const way = behind(scene, source.value, 2);
    if (activationOf(scene, way.nodes) && way.denses.length === 1) return way.denses[0] === a ? [a, b] : [b, a];
  }
  return [a, b];
}

function gateOf(scene: Scene, value: string): Node | undefined {
  for (let at: string | undefined = value; at !== undefined;) {
    const node = scene.uses.producer.get(at);
    if (!node || scene.denses.has(node)) return undefined;
    const sources = scene.stream.sources(node);
    if (sources.length === 2) return node;
    at = sources[0]?.value;
  }
  return undefined;
}
