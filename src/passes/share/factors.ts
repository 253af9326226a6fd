// A dense weight written as the product of two: what factorisation and a shared basis have in common.
import type { Dense } from '../../bert/types.ts';
import { nameOf } from '../../bert/scene.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { Names } from '../../ir/names.ts';
import { intAttr, makeNode } from '../../ir/node.ts';
import { floats } from '../../ir/tensor.ts';
import type { LowRank } from '../../math/low-rank.ts';
import { balanceOf } from '../../math/shared-basis.ts';

/** Why a dense layer's weight cannot be written as two. */
export function unsplittable(graph: Graph, { op, weight, outFirst }: Dense): string | undefined {
  if (weight.dtype !== 'float32') return `the weight is ${weight.dtype}, not float32`;
  if (op !== 'MatMul' && op !== 'Gemm') return `${op} is not split: only MatMul and Gemm are`;
  if (weight.through.length > 0 && !weight.through.every((node) => node.op === 'Transpose' || node.op === 'Identity'))
    return `the weight comes through ${weight.through.map((node) => node.op).join(', ')}`;
  const turned = weight.through.filter((node) => node.op === 'Transpose').length % 2 === 1;
  const other = readersOf(graph, weight.name).find((reader) => !isProduct(reader) || reader.turned !== (turned !== outFirst)); // prettier-ignore
  return other && `the weight is also read by '${nameOf(other.node)}', ${other.node.op}`;
}

/** A node that reads a weight behind Identity and Transpose, and whether it reads it, transB counted, the other way round. */
interface Reader {
  readonly node: Node;
  readonly index: number;
  readonly turned: boolean;
}

function readersOf(graph: Graph, name: string, turned = false): Reader[] {
  return graph.nodes.flatMap((node) =>
    node.inputs.flatMap((input, index): Reader[] => {
      if (input !== name) return [];
      if (node.op === 'Identity' || (node.op === 'Transpose' && node.domain === ''))
        return readersOf(graph, node.outputs[0]!, turned !== (node.op === 'Transpose'));
      return [{ node, index, turned: turned !== (node.op === 'Gemm' && intAttr(node, 'transB') === 1) }];
    }),
  );
}

function isProduct({ node: { op, domain }, index }: Reader): boolean {
  return index === 1 && domain === '' && (op === 'MatMul' || op === 'Gemm');
}

/**
 * x W becomes (x A) B, where `left` and `right` name A [in, rank] and B [rank, out]; a Gemm keeps its bias in the second product. All
 * readers of the weight are rewritten.
 * @param inner products x A that are there already, by x and A; those made are added
 */
export function writeFactors(
  graph: Graph,
  { weight }: Dense,
  left: string,
  right: string,
  inner = new Map<string, string>(),
): void {
  const names = new Names(graph);
  const readers = new Set(readersOf(graph, weight.name).map(({ node }) => node));
  graph.nodes = graph.nodes.flatMap((node) => {
    if (!readers.has(node)) return [node];
    const key = `${node.inputs[0]} ${left}`;
    const known = inner.get(key);
    const product = known ?? names.fresh(`${node.outputs[0]}_rank`);
    inner.set(key, product);
    const attrs = new Map([...node.attrs].filter(([name]) => name !== 'transB'));
    const second = { ...node, inputs: [product, right, ...node.inputs.slice(2)], attrs };
    if (known !== undefined) return [second];
    return [makeNode('MatMul', [node.inputs[0]!, left], [product], { name: names.fresh(`${nameOf(node)}_left`) }), second]; // prettier-ignore
  });
}

/** Factors as initializers named after the weight, both of one size. */
export function namedFactors(
  graph: Graph,
  dense: Dense,
  { left, right }: Pick<LowRank, 'left' | 'right'>,
): { readonly left: string; readonly right: string } {
  const { weight, inFeatures, outFeatures } = dense;
  const balance = balanceOf(left, [right]);
  const names = new Names(graph);
  const named = { left: names.fresh(`${weight.name}_left`), right: names.fresh(`${weight.name}_right`) };
  graph.initializers.set(named.left, floats([inFeatures, left.length / inFeatures], left.map((x) => x * balance))); // prettier-ignore
  graph.initializers.set(named.right, floats([right.length / outFeatures, outFeatures], right.map((x) => x / balance))); // prettier-ignore
  return named;
}

/** Adds (x A) B to what each of these dense layers gives, behind its bias. */
export function addFactors(
  graph: Graph,
  denses: readonly Dense[],
  { left, right }: { readonly left: string; readonly right: string },
): void {
  const names = new Names(graph);
  const byOutput = new Map(denses.map((dense) => [dense.output, dense]));
  graph.nodes = graph.nodes.flatMap((node) => {
    const dense = byOutput.get(node.outputs[0] ?? '');
    if (!dense) return [node];
    const { input, output } = dense;
    const [whole, inner, part] = [names.fresh(`${output}_shared`), names.fresh(`${output}_rank`), names.fresh(`${output}_own`)]; // prettier-ignore
    return [
      { ...node, outputs: [whole, ...node.outputs.slice(1)] },
      makeNode('MatMul', [input, left], [inner], { name: names.fresh(`${nameOf(node)}_left`) }),
      makeNode('MatMul', [inner, right], [part], { name: names.fresh(`${nameOf(node)}_right`) }),
      makeNode('Add', [whole, part], [output], { name: names.fresh(`${nameOf(node)}_sum`) }),
    ];
  });
}
