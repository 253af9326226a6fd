// Shape rules of operators that move elements: Reshape, Transpose, Slice, Concat, Gather, Pad …
import type { Node } from '../graph.ts';
import { intAttr, intsAttr } from '../node.ts';
import { broadcastDims } from './arrays.ts';
import type { Dims } from './known.ts';
import { axisOf, integers, unknownDims, type ShapeRule, type Trace } from './rule.ts';
import { axisSlices } from './slice.ts';

type Single = (node: Node, trace: Trace, x: Dims) => Dims | undefined;

/** A rule for one output whose first input must have a known rank. */
function single(rule: Single): ShapeRule {
  return (node, trace) => {
    const x = trace.dims(node.inputs[0]);
    const out = x && rule(node, trace, x);
    return out && [out];
  };
}

/** Product, or undefined where a factor is not known. */
function product(dims: Dims): number | undefined {
  return dims.reduce<number | undefined>((p, dim) => (p === undefined || dim === undefined ? undefined : p * dim), 1);
}

const reshape: ShapeRule = (node, trace) => {
  const to = integers(node, trace, 'shape', 1);
  const x = trace.dims(node.inputs[0]);
  if (!to) {
    const rank = trace.dims(node.inputs[1])?.[0];
    return unknownDims(rank);
  }
  const keepZero = intAttr(node, 'allowzero') === 1;
  const out: (number | undefined)[] = to.map((dim, i) =>
    dim === 0 && !keepZero ? x?.[i] : dim === -1 ? undefined : dim,
  );
  const hole = to.indexOf(-1);
  const total = x && product(x);
  const rest = product(out.filter((_, i) => i !== hole));
  if (hole >= 0 && total !== undefined && rest) out[hole] = total / rest;
  return [out];
};

const transpose = single((node, _, x) => {
  const perm = intsAttr(node, 'perm') ?? x.map((_dim, i) => x.length - 1 - i);
  return perm.map((axis) => x[axis]);
});

const squeeze = single((node, trace, x) => {
  const given = integers(node, trace, 'axes', 1);
  if (!given && node.inputs[1]) return undefined;
  const axes = given?.map((axis) => axisOf(axis, x.length));
  return x.filter((dim, i) => (axes ? !axes.includes(i) : dim !== 1));
});

const unsqueeze = single((node, trace, x) => {
  const given = integers(node, trace, 'axes', 1);
  if (!given) return undefined;
  const rank = x.length + given.length;
  const axes = new Set(given.map((axis) => axisOf(axis, rank)));
  let from = 0;
  return Array.from({ length: rank }, (_, i) => (axes.has(i) ? 1 : x[from++]));
});

const flatten = single((node, _, x) => {
  const axis = axisOf(intAttr(node, 'axis') ?? 1, x.length);
  return [product(x.slice(0, axis)), product(x.slice(axis))];
});

const slice = single((node, trace, x) => {
  const starts = integers(node, trace, 'starts', 1);
  const ends = integers(node, trace, 'ends', 2);
  const axes = integers(node, trace, 'axes', 3);
  const out: (number | undefined)[] = [...x];
  if (!starts || !ends || (!axes && node.inputs[3])) {
    if (!axes) return x.map(() => undefined);
    for (const axis of axes) out[axisOf(axis, x.length)] = undefined;
    return out;
  }
  for (const part of axisSlices(x, starts, ends, axes, trace.known(node.inputs[4])?.data)) out[part.axis] = part.length;
  return out;
});

const concat: ShapeRule = (node, trace) => {
  const parts = node.inputs.map((input) => trace.dims(input));
  const first = parts.find((part) => part !== undefined);
  if (!first) return undefined;
  const at = axisOf(intAttr(node, 'axis') ?? 0, first.length);
  const along = parts.reduce<number | undefined>((sum, part) => {
    const dim = part?.[at];
    return sum === undefined || dim === undefined ? undefined : sum + dim;
  }, 0);
  return [first.map((dim, i) => (i === at ? along : (dim ?? parts.find((part) => part?.[i] !== undefined)?.[i])))];
};

const split: ShapeRule = (node, trace) => {
  const x = trace.dims(node.inputs[0]);
  if (!x) return undefined;
  const at = axisOf(intAttr(node, 'axis') ?? 0, x.length);
  const sizes = integers(node, trace, 'split', 1);
  const dim = x[at];
  const even = dim === undefined || node.inputs[1] ? undefined : Math.ceil(dim / node.outputs.length);
  return node.outputs.map((_, k) => {
    const last = even !== undefined && dim !== undefined ? Math.min(even, dim - even * k) : undefined;
    return x.map((size, i) => (i === at ? (sizes ? sizes[k] : last) : size));
  });
};

const gather = single((node, trace, x) => {
  const indices = trace.dims(node.inputs[1]);
  const at = axisOf(intAttr(node, 'axis') ?? 0, x.length);
  return indices && [...x.slice(0, at), ...indices, ...x.slice(at + 1)];
});

const gatherND = single((node, trace, x) => {
  const indices = trace.dims(node.inputs[1]);
  const depth = indices?.at(-1);
  return indices && depth !== undefined
    ? [...indices.slice(0, -1), ...x.slice((intAttr(node, 'batch_dims') ?? 0) + depth)]
    : undefined;
});

const expand: ShapeRule = (node, trace) => {
  const to = trace.known(node.inputs[1]);
  const out = to && broadcastDims([trace.dims(node.inputs[0]), Array.from(to.data)]);
  return out && [out];
};

const tile = single((node, trace, x) => {
  const repeats = trace.known(node.inputs[1]);
  return x.map((dim, i) => (dim === undefined || !repeats ? undefined : dim * repeats.data[i]!));
});

const pad = single((node, trace, x) => {
  const pads = integers(node, trace, 'pads', 1);
  const given = trace.known(node.inputs[3]);
  if (!pads || (node.inputs[3] && !given)) return x.map(() => undefined);
  const axes = given ? Array.from(given.data, (axis) => axisOf(axis, x.length)) : x.map((_, i) => i);
  const out: (number | undefined)[] = [...x];
  axes.forEach((axis, i) => {
    const dim = out[axis];
    out[axis] = dim === undefined ? undefined : dim + pads[i]! + pads[i + axes.length]!;
  });
  return out;
});

const oneHot = single((node, trace, x) => {
  const axis = axisOf(intAttr(node, 'axis') ?? -1, x.length + 1);
  return [...x.slice(0, axis), trace.known(node.inputs[1])?.data[0], ...x.slice(axis)];
});

/** Shape rules by operator of the standard domain. */
export const moveShapes: Readonly<Record<string, ShapeRule>> = {
  Reshape: reshape,
  Transpose: transpose,
  Squeeze: squeeze,
  Unsqueeze: unsqueeze,
  Flatten: flatten,
  Slice: slice,
  Concat: concat,
  Split: split,
  Gather: gather,
  GatherND: gatherND,
  GatherElements: (node, trace) => [trace.dims(node.inputs[1])],
  Expand: expand,
  Tile: tile,
  Pad: pad,
  OneHot: oneHot,
};
