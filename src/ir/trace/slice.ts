// ONNX Slice: which indices of each axis are kept.
export interface AxisSlice {
  readonly axis: number;
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

/** Ranges of ONNX Slice for known starts, ends, axes and steps (negative and out-of-range values as the operator defines them). */
export function axisSlices(
  shape: readonly (number | undefined)[],
  starts: ArrayLike<number>,
  ends: ArrayLike<number>,
  axes: ArrayLike<number> | undefined,
  steps: ArrayLike<number> | undefined,
): (AxisSlice | { readonly axis: number; readonly length?: undefined })[] {
  return Array.from(starts, (start, i) => {
    const given = axes?.[i] ?? i;
    const axis = given < 0 ? given + shape.length : given;
    const dim = shape[axis];
    const step = steps?.[i] ?? 1;
    if (dim === undefined || step === 0) return { axis };
    const from = (value: number): number => (value < 0 ? value + dim : value);
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const clamp = (value: number): number => Math.min(Math.max(from(value), low), high);
    const begin = step > 0 ? clamp(start) : Math.min(Math.max(from(start), 0), dim - 1);
    const end = step < 0 && ends[i]! <= -dim - 1 ? -1 : clamp(ends[i]!);
    return { axis, start: begin, step, length: Math.max(0, Math.ceil((end - begin) / step)) };
  });
}
