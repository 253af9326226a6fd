// Putting gradients back to where their values were taken from. ScatterND's reduction is not used: it sums wrongly with threads.
import type { Emit } from './emit.ts';

/** `lines` in zeros of the shape of `like`, at positions `indices` [n] of an axis; repeated ones add up where `add`. */
export function scatter(
  emit: Emit,
  like: string,
  indices: string,
  lines: string,
  axis: number,
  rank: number,
  add: boolean,
): string {
  if (add && emit.opset < 16) return byProduct(emit, like, indices, lines, axis);
  const line = emit.reshape(
    indices,
    Array.from({ length: rank }, (_, i) => (i === axis ? -1 : 1)),
  );
  const spread = emit.op('Expand', [line, emit.shape(lines)]);
  return emit.op('ScatterElements', [emit.zerosLike(like), spread, lines], {
    axis: BigInt(axis),
    ...(add ? { reduction: 'add' } : {}),
  });
}

/** Before opset 16 ScatterElements has no reduction: a product with the one-hot matrix of the indices sums. */
function byProduct(emit: Emit, like: string, indices: string, lines: string, axis: number): string {
  const shape = emit.shape(like);
  const before = emit.op('Slice', [shape, emit.ints([0]), emit.ints([axis])]);
  const outer = emit.op('ReduceProd', [before], { keepdims: 1n });
  const matrices = emit.op('Concat', [outer, emit.shape(indices), emit.ints([-1])], { axis: 0n });
  const hot = oneHot(emit, indices, emit.size(like, axis));
  const summed = emit.matmul(hot, emit.op('Reshape', [lines, matrices]), { transA: true });
  return emit.op('Reshape', [summed, shape]);
}

/** float32 [..., depth] of indices [...]; depth int64 [1]. */
export function oneHot(emit: Emit, indices: string, depth: string): string {
  return emit.op('OneHot', [indices, depth, emit.floats([0, 1])], { axis: -1n });
}
