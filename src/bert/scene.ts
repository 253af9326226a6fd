// What all recognisers look at: the graph, its uses, the trial run, the way of the token data.
import { constantBehind } from '../ir/constants.ts';
import type { Graph, Node } from '../ir/graph.ts';
import { elementCount } from '../ir/tensor.ts';
import type { Uses } from '../ir/uses.ts';
import type { Stream } from './stream.ts';
import type { Trace } from '../ir/trace/trace.ts';
import type { Dense, Unrecognised, Weight } from './types.ts';

/** Shared state of one recognition. */
export interface Scene {
  readonly graph: Graph;
  readonly uses: Uses;
  readonly trace: Trace;
  /** A trial run over one long row, made when it is first asked for: windows of local attention are wider than `trace` is long. */
  readonly longTrace: () => Trace;
  readonly stream: Stream;
  /** Dense layers by their node. */
  readonly denses: ReadonlyMap<Node, Dense>;
  /** Batch size of the trial run. */
  readonly batch: number | undefined;
  /** Add a fact that was not found. */
  readonly miss: (part: string, reason: string) => void;
}

/** Collects each miss once. */
export function missList(): { readonly list: Unrecognised[]; readonly miss: Scene['miss'] } {
  const list: Unrecognised[] = [];
  return {
    list,
    miss: (part, reason) => {
      if (!list.some((one) => one.part === part && one.reason === reason)) list.push({ part, reason });
    },
  };
}

/** The constant a value is, with its readers counted; undefined where it depends on data. */
export function weightBehind(graph: Graph, uses: Uses, value: string | undefined): Weight | undefined {
  const found = value ? constantBehind(graph, uses, value) : undefined;
  if (!found) return undefined;
  return { ...found, dtype: found.tensor.dtype, readers: countReaders(uses, found.name) };
}

const carriers = new Set(['Identity', 'Transpose', 'Cast', 'DequantizeLinear']);

function countReaders(uses: Uses, name: string): number {
  let count = 0;
  for (const use of uses.consumers.get(name) ?? []) {
    const carried = carriers.has(use.node.op) && use.index === 0 ? use.node.outputs[0] : undefined;
    count += carried === undefined ? 1 : countReaders(uses, carried);
  }
  return count;
}

/** A scalar constant behind a value: a known number that is the same everywhere, or undefined. */
export function scalarAt(scene: Pick<Scene, 'trace'>, value: string | undefined): number | undefined {
  const dims = scene.trace.dims(value);
  if (!dims || dims.includes(undefined) || elementCount(dims as number[]) !== 1) return undefined;
  return scene.trace.known(value)?.data[0];
}

/** How messages name a node. */
export function nameOf(node: Node): string {
  return node.name || node.outputs[0] || node.op;
}
