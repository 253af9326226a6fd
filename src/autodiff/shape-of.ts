// Bringing a gradient into the shape of the value it belongs to.
import { ModelError } from '../errors.ts';
import type { Node } from '../ir/graph.ts';
import { describe } from '../ir/verify.ts';
import type { Emit } from './emit.ts';
import { fixed, sameAxis, sameShape, type Axis } from './facts.ts';

/** Reshape `value` from axes `from` to axes `to`, the shape of `like`: a constant target where -1 and 0 say it. */
export function reshapeLike(
  emit: Emit,
  value: string,
  from: readonly Axis[],
  to: readonly Axis[],
  like: string,
): string {
  if (sameShape(from, to)) return value;
  const target = to.map((axis, i) => fixed(axis) ?? (sameAxis(axis, from[i]) ? 0 : -1));
  const said = target.filter((size) => size === -1).length <= 1 && !to.some((axis) => fixed(axis) === 0);
  return said ? emit.reshape(value, target) : emit.op('Reshape', [value, emit.shape(like)]);
}

/**
 * Sum a gradient of the broadcast shape `from` over the axes that broadcasting repeated, down to `to`
 * (ONNX broadcasting: shapes are aligned at the end, an axis of size 1 is repeated).
 */
export function unbroadcast(emit: Emit, value: string, from: readonly Axis[], to: readonly Axis[], node: Node): string {
  const lead = from.length - to.length;
  const repeated = to.flatMap((axis, i) => {
    const outer = from[i + lead]!;
    if (sameAxis(axis, outer)) return [];
    if (fixed(axis) === 1) return [i];
    throw new ModelError(
      `gradient: expected an axis of ${outer.join('|')} or 1, found ${axis.join('|')} (${describe(node)})`,
    );
  });
  const leading = Array.from({ length: lead }, (_, i) => i);
  return emit.sum(emit.sum(value, leading, false), repeated, true);
}
