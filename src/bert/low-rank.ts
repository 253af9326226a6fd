// Weights in several parts: the second of two products (x A) B, and a low-rank difference x W + (x A) B, as LoRA adapters have it too.
import type { Node } from '../ir/graph.ts';
import type { Scene } from './scene.ts';
import type { Stream } from './stream.ts';
import type { Dense } from './types.ts';

type Denses = ReadonlyMap<Node, Dense>;

/** The products that a product without bias, narrower than what it reads, feeds alone; none where it is no first of two. */
export function secondProducts(stream: Stream, denses: Denses, first: Dense): Dense[] {
  if (first.bias || first.outFeatures >= first.inFeatures) return [];
  const seconds = stream.readers(first.output).map(({ node }) => denses.get(node));
  const reads = (second: Dense | undefined): second is Dense => second?.input === first.output;
  return seconds.every(reads) ? seconds : [];
}

/** What a dense layer reads: where it is the second of two products, what the first one reads, and its features. */
export function readBy(
  { stream, denses, uses }: Pick<Scene, 'stream' | 'denses' | 'uses'>,
  dense: Dense,
): Pick<Dense, 'input' | 'inFeatures'> {
  const producer = uses.producer.get(dense.input);
  const first = producer && denses.get(producer);
  return first && secondProducts(stream, denses, first).length > 0 ? first : dense;
}

/** Stream and dense layers without low-rank differences: where one is added, what it is added to is the only source. */
export function withoutDifferences(
  stream: Stream,
  denses: Denses,
): { readonly stream: Stream; readonly denses: Denses } {
  const main = new Map<Node, string>();
  const aside = new Set<Node>();
  const wholes = new Set<Node>();
  for (const first of denses.values())
    for (const second of secondProducts(stream, denses, first)) {
      const [sum, another] = second.bias ? [] : stream.readers(second.output);
      if (sum?.node.op !== 'Add' || another) continue;
      const other = sum.node.inputs[1 - sum.index]!;
      const whole = [...denses.values()].find(({ output }) => output === other);
      if (whole?.input !== first.input || whole.outFeatures !== second.outFeatures) continue;
      main.set(sum.node, other);
      aside.add(first.node).add(second.node);
      wholes.add(whole.node);
    }
  if (main.size === 0) return { stream, denses };
  const alone: Stream = {
    ...stream,
    sources: (node) => {
      const only = main.get(node);
      return stream.sources(node).filter(({ value }) => only === undefined || value === only);
    },
    readers: (value) => stream.readers(value).filter(({ node }) => !aside.has(node)),
  };
  const left = [...denses].filter(([node]) => !aside.has(node));
  const marked = left.map(([node, dense]) => [node, wholes.has(node) ? { ...dense, added: true as const } : dense] as const); // prettier-ignore
  return { stream: alone, denses: new Map(marked) };
}
