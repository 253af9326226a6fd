// Value rules of operators that move elements: Reshape, Transpose, Slice, Concat, Gather, Split …
import type { Node } from '../graph.ts';
import { elementCount } from '../tensor.ts';
import { intAttr, intsAttr } from '../node.ts';
import { concat, expand, gather, reshaped, strided, stridesOf } from './arrays.ts';
import { known, type Known } from './known.ts';
import { axisOf, integers, type Trace, type ValueRule } from './rule.ts';
import { inputsOf } from './values-math.ts';
import { axisSlices } from './slice.ts';

/** The same elements in the shape that the shape rules found for the output. */
const reshape: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  return x && [reshaped(x, trace.dims(node.outputs[0]))];
};

const broadcast: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  const shape = trace.dims(node.outputs[0]);
  return x && shape && !shape.includes(undefined) ? [expand(x, shape as number[])] : undefined;
};

const transpose: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  if (!x) return undefined;
  const perm = intsAttr(node, 'perm') ?? x.shape.map((_, i) => x.shape.length - 1 - i);
  const strides = stridesOf(x.shape);
  return [
    strided(
      x,
      perm.map((axis) => x.shape[axis]!),
      0,
      perm.map((axis) => strides[axis]!),
    ),
  ];
};

const slice: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  const starts = integers(node, trace, 'starts', 1);
  const ends = integers(node, trace, 'ends', 2);
  const axes = integers(node, trace, 'axes', 3);
  if (!x || !starts || !ends || (node.inputs[3] && !axes)) return undefined;
  const shape = [...x.shape];
  const strides = stridesOf(x.shape);
  let offset = 0;
  for (const part of axisSlices(x.shape, starts, ends, axes, trace.known(node.inputs[4])?.data)) {
    if (part.length === undefined) return undefined;
    offset += part.start * strides[part.axis]!;
    shape[part.axis] = part.length;
    strides[part.axis]! *= part.step;
  }
  return [strided(x, shape, offset, strides)];
};

const split: ValueRule = (node, trace) => {
  const x = trace.known(node.inputs[0]);
  if (!x) return undefined;
  const axis = axisOf(intAttr(node, 'axis') ?? 0, x.shape.length);
  const strides = stridesOf(x.shape);
  let start = 0;
  return node.outputs.map((output) => {
    const shape = trace.dims(output);
    if (!shape || shape.includes(undefined)) return undefined;
    const part = strided(x, shape as number[], start * strides[axis]!, strides);
    start += shape[axis]!;
    return part;
  });
};

const gatherElements: ValueRule = (node, trace) => {
  const [x, indices] = inputsOf(node, trace) ?? [];
  if (!x || !indices) return undefined;
  const axis = axisOf(intAttr(node, 'axis') ?? 0, x.shape.length);
  const own = stridesOf(x.shape);
  const data = Array.from(indices.data, (index, i) => {
    let rest = i;
    let from = 0;
    for (const [k, step] of stridesOf(indices.shape).entries()) {
      const at = Math.floor(rest / step);
      rest -= at * step;
      from += own[k]! * (k === axis ? (index < 0 ? index + x.shape[axis]! : index) : at);
    }
    return x.data[from]!;
  });
  return [known(x.dtype, indices.shape, data)];
};

const gatherND: ValueRule = (node, trace) => {
  const [x, indices] = inputsOf(node, trace) ?? [];
  if (!x || !indices || (intAttr(node, 'batch_dims') ?? 0) !== 0) return undefined;
  const depth = indices.shape.at(-1) ?? 0;
  const strides = stridesOf(x.shape);
  const inner = elementCount(x.shape.slice(depth));
  const rows = depth === 0 ? 0 : indices.data.length / depth;
  const data = new Float64Array(rows * inner);
  for (let row = 0; row < rows; row++) {
    let from = 0;
    for (let k = 0; k < depth; k++) {
      const index = indices.data[row * depth + k]!;
      from += strides[k]! * (index < 0 ? index + x.shape[k]! : index);
    }
    for (let i = 0; i < inner; i++) data[row * inner + i] = x.data[from + i]!;
  }
  return [known(x.dtype, [...indices.shape.slice(0, -1), ...x.shape.slice(depth)], data)];
};

const scatterND: ValueRule = (node, trace) => {
  const [x, indices, updates] = inputsOf(node, trace) ?? [];
  if (!x || !indices || !updates || node.attrs.has('reduction')) return undefined;
  const depth = indices.shape.at(-1) ?? 0;
  const strides = stridesOf(x.shape);
  const inner = elementCount(x.shape.slice(depth));
  const data = Float64Array.from(x.data);
  for (let row = 0; row * depth < indices.data.length; row++) {
    let to = 0;
    for (let k = 0; k < depth; k++) to += strides[k]! * indices.data[row * depth + k]!;
    for (let i = 0; i < inner; i++) data[to + i] = updates.data[row * inner + i]!;
  }
  return [known(x.dtype, x.shape, data)];
};

function tiled(x: Known, repeats: ArrayLike<number>): Known {
  return x.shape.reduce<Known>(
    (out, _, axis) =>
      concat(
        Array.from({ length: repeats[axis]! }, () => out),
        axis,
      ),
    x,
  );
}

/** Value rules by operator of the standard domain. */
export const moveValues: Readonly<Record<string, ValueRule>> = {
  Identity: reshape,
  Reshape: reshape,
  Squeeze: reshape,
  Unsqueeze: reshape,
  Flatten: reshape,
  Dropout: reshape,
  Expand: broadcast,
  Transpose: transpose,
  Slice: slice,
  Split: split,
  Concat: (node, trace) => {
    const parts = inputsOf(node, trace);
    return parts && parts.length > 0 ? [concat(parts, intAttr(node, 'axis') ?? 0)] : undefined;
  },
  Gather: (node: Node, trace: Trace) => {
    const [x, indices] = inputsOf(node, trace) ?? [];
    return x && indices && [gather(x, indices, intAttr(node, 'axis') ?? 0)];
  },
  GatherElements: gatherElements,
  GatherND: gatherND,
  ScatterND: scatterND,
  Tile: (node, trace) => {
    const [x, repeats] = inputsOf(node, trace) ?? [];
    return x && repeats && repeats.data.length === x.shape.length ? [tiled(x, repeats.data)] : undefined;
  },
};
