// What is known of shapes before the graph runs: sizes at several trial runs, so that a fixed axis is told from a free one.
import { ModelError } from '../errors.ts';
import type { DataType } from '../ir/dtype.ts';
import type { Graph, Node } from '../ir/graph.ts';
import type { Known } from '../ir/trace/known.ts';
import { traceGraph, type Trace } from '../ir/trace/trace.ts';
import type { Uses } from '../ir/uses.ts';
import { describe } from '../ir/verify.ts';

/** Sizes of one axis, one a trial. */
export type Axis = readonly number[];

/** Primes, so that products of batch and sequence differ from both; all below the smallest table of positions. */
const trials = [
  { batch: 3, sequence: 11 },
  { batch: 2, sequence: 7 },
  { batch: 5, sequence: 13 },
];

export class Facts {
  readonly uses: Uses;
  readonly #traces: readonly Trace[];

  constructor(graph: Graph, uses: Uses) {
    this.uses = uses;
    this.#traces = trials.map((sizes) => traceGraph(graph, uses, sizes));
  }

  dtype(value: string): DataType | undefined {
    return this.#traces[0]!.dtype(value);
  }

  /** Numbers of a value that are the same whatever the sizes. */
  known(value: string | undefined): Known | undefined {
    const all = this.#traces.map((trace) => trace.known(value));
    const first = all[0];
    const same = (other: Known | undefined): boolean =>
      first !== undefined &&
      other?.data.length === first.data.length &&
      Array.from(first.data).every((x, i) => Object.is(x, other.data[i]));
    return all.every(same) ? first : undefined;
  }

  /** Axes of a value; undefined where one is not known. */
  find(value: string): readonly Axis[] | undefined {
    const all = this.#traces.map((trace) => trace.dims(value));
    const rank = all[0]?.length;
    if (rank === undefined || all.some((dims) => dims?.length !== rank || dims.includes(undefined))) return undefined;
    return Array.from({ length: rank }, (_, axis) => all.map((dims) => dims![axis]!));
  }

  /** @throws ModelError where the shape is not known */
  dims(value: string, node: Node): readonly Axis[] {
    const found = this.find(value);
    if (!found) throw new ModelError(`gradient: expected a known shape of '${value}', found none (${describe(node)})`);
    return found;
  }
}

/** The axis' size where it is fixed. */
export function fixed(axis: Axis | undefined): number | undefined {
  return axis?.every((size) => size === axis[0]) ? axis[0] : undefined;
}

export function sameAxis(a: Axis | undefined, b: Axis | undefined): boolean {
  return a !== undefined && b !== undefined && a.every((size, i) => size === b[i]);
}

export function sameShape(a: readonly Axis[], b: readonly Axis[]): boolean {
  return a.length === b.length && a.every((axis, i) => sameAxis(axis, b[i]));
}
