// Rule of Conv over one axis, stride 1, as SqueezeBERT and ConvBERT use it.
import { ModelError } from '../errors.ts';
import { intAttr, intsAttr, stringAttr } from '../ir/node.ts';
import { describe } from '../ir/verify.ts';
import { fixed } from './facts.ts';
import type { Call, InputGradient, Rules } from './rule.ts';

/** Sizes of a Conv with weight [out, in / groups, kernel]. */
interface Sizes {
  readonly out: number;
  /** Input channels of a group. */
  readonly inner: number;
  readonly kernel: number;
  readonly groups: number;
  readonly dilation: number;
  readonly pads: readonly number[];
}

function sizesOf({ node, x, dims }: Call): Sizes {
  const [out, inner, kernel, ...more] = dims(x[1]!).map(fixed);
  const stride = intsAttr(node, 'strides')?.[0] ?? 1;
  const auto = stringAttr(node, 'auto_pad') ?? 'NOTSET';
  if (
    out === undefined ||
    inner === undefined ||
    kernel === undefined ||
    more.length > 0 ||
    stride !== 1 ||
    auto !== 'NOTSET'
  )
    throw new ModelError(
      `gradient: expected a convolution over one axis with stride 1 and given pads, found another (${describe(node)})`,
    );
  const groups = intAttr(node, 'group') ?? 1;
  return {
    out,
    inner,
    kernel,
    groups,
    dilation: intsAttr(node, 'dilations')?.[0] ?? 1,
    pads: intsAttr(node, 'pads') ?? [0, 0],
  };
}

/** dX: each output goes back to where its window lay. */
function input({ x: [, weight = ''], g, emit }: Call, { groups, dilation, pads }: Sizes): string {
  return emit.op('ConvTranspose', [g, weight], {
    group: BigInt(groups),
    dilations: [BigInt(dilation)],
    pads: pads.map(BigInt),
    strides: [1n],
  });
}

/** dW for each tap k of the kernel: sum over batch and places t of dY[t] X[t + k dilation - pad], group by group. */
function weights({ x: [x = ''], y: [y = ''], g, emit }: Call, sizes: Sizes): string {
  const { out, inner, kernel, groups, dilation, pads } = sizes;
  /** [B, channels, S] as [groups, B S, channels of a group]. */
  const byGroup = (value: string, width: number): string => {
    const wide = emit.op('Reshape', [value, emit.ints([0, groups, width, -1])]);
    return emit.reshape(emit.transpose(wide, [1, 0, 3, 2]), [groups, -1, width]);
  };
  const grads = byGroup(g, out / groups);
  const padded = pads.some((pad) => pad > 0) ? emit.op('Pad', [x, emit.ints([0, 0, pads[0]!, 0, 0, pads[1]!])]) : x;
  const taps = Array.from({ length: kernel }, (_, k) => {
    const start = emit.ints([k * dilation]);
    const window =
      kernel === 1 ? padded : emit.op('Slice', [padded, start, emit.add(emit.size(y, 2), start), emit.ints([2])]);
    return emit.reshape(emit.matmul(grads, byGroup(window, inner), { transA: true }), [out, inner, 1]);
  });
  return taps.length === 1 ? taps[0]! : emit.op('Concat', taps, { axis: 2n });
}

function conv(call: Call): InputGradient[] {
  const sizes = sizesOf(call);
  return [() => input(call, sizes), () => weights(call, sizes), () => call.emit.sum(call.g, [0, 2], false)];
}

export const convRules: Rules = { Conv: conv };
