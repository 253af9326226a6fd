// What shape and value rules share: their signatures and how they read a node's integers.
import type { DataType } from '../dtype.ts';
import type { Node } from '../graph.ts';
import { intsAttr } from '../node.ts';
import type { Dims, Known } from './known.ts';

/** What is known about the values of a graph at assumed input sizes; '' and unknown names give undefined. */
export interface Trace {
  dims(value: string | undefined): Dims | undefined;
  dtype(value: string | undefined): DataType | undefined;
  known(value: string | undefined): Known | undefined;
}

/** Shapes of a node's outputs; missing entries are unknown. */
export type ShapeRule = (node: Node, trace: Trace) => readonly (Dims | undefined)[] | undefined;
/** Numbers of a node's outputs, asked for only when they are wanted. */
export type ValueRule = (node: Node, trace: Trace) => readonly (Known | undefined)[] | undefined;

/** Integers that older opsets give as an attribute and newer ones as an input. */
export function integers(node: Node, trace: Trace, attr: string, input: number): readonly number[] | undefined {
  const fixed = intsAttr(node, attr);
  if (fixed) return fixed;
  const given = trace.known(node.inputs[input]);
  return given && Array.from(given.data);
}

/** An axis counted from the front. */
export function axisOf(axis: number, rank: number): number {
  return axis < 0 ? axis + rank : axis;
}

/** One output of a known number of unknown dimensions. */
export function unknownDims(rank: number | undefined): readonly [Dims] | undefined {
  return rank === undefined || rank > 64 ? undefined : [Array.from({ length: rank }, () => undefined)];
}
