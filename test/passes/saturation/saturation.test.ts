// Saturation of u8 x s8 products: the sums against arithmetic written out, and files that cannot saturate left exact.
import { describe, expect, it } from 'vitest';
import type { Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { memoryTensor } from '../../../src/ir/tensor.ts';
import { dynamic8Bit } from '../../../src/passes/quantize/dynamic-8bit.ts';
import { emulateSaturation } from '../../../src/passes/saturation/emulate.ts';
import { saturationRisk } from '../../../src/passes/saturation/risk.ts';
import { buildBert, tinyShape } from '../../support/bert.ts';
import { floatValue, intValue, modelOf, quietContext } from '../../support/graphs.ts';
import { runModel } from '../../support/run-model.ts';

const quantized = (options: Record<string, unknown>): Model =>
  dynamic8Bit.run(buildBert({ ...tinyShape, hidden: 32 }), dynamic8Bit.options.parse(options), quietContext).model;

/** uint8 tokens times an int8 weight [inner, columns], with zero points. */
function product(inner: number, weights: Int8Array, zeroA: number | undefined, zeroB: Int8Array | undefined): Model {
  const columns = weights.length / inner;
  return modelOf({
    inputs: [intValue('x', 'n', inner)],
    outputs: [floatValue('y', 'n', columns)],
    nodes: [
      makeNode('Cast', ['x'], ['a'], { attrs: { to: 2n } }),
      makeNode('MatMulInteger', ['a', 'w', zeroA === undefined ? '' : 'za', zeroB ? 'zb' : ''], ['sums']),
      makeNode('Cast', ['sums'], ['y'], { attrs: { to: 1n } }),
    ],
    initializers: {
      w: memoryTensor('int8', [inner, columns], weights),
      ...(zeroA === undefined ? {} : { za: memoryTensor('uint8', [], Uint8Array.of(zeroA)) }),
      ...(zeroB ? { zb: memoryTensor('int8', [columns], zeroB) } : {}),
    },
  });
}

/** The tokens that runModel feeds, below 256. */
const token = (i: number): number => (i * 7 + 3) % 256;

function byHand(
  inner: number,
  weights: Int8Array,
  zeroA: number,
  zeroB: Int8Array | undefined,
  limit = 32767,
): number[] {
  const columns = weights.length / inner;
  return Array.from({ length: 3 * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const a = (k: number): number => (k < inner ? token(row * inner + k) : 0);
    const b = (k: number): number => (k < inner ? weights[k * columns + column]! : 0);
    let sum = 0;
    for (let k = 0; k < inner; k += 2) {
      sum += Math.max(-limit - 1, Math.min(limit, a(k) * b(k) + a(k + 1) * b(k + 1)));
    }
    for (let k = 0; k < inner; k++) {
      const zb = zeroB?.[column] ?? 0;
      sum += -zeroA * b(k) - zb * a(k) + zeroA * zb;
    }
    return sum;
  });
}

describe('emulated saturation', () => {
  const large = (count: number): Int8Array =>
    Int8Array.from({ length: count }, (_, i) => (i % 5 === 4 ? -90 : 127 - (i % 3)));
  const cases: [string, number, number | undefined, Int8Array | undefined][] = [
    ['no zero points', 16, undefined, undefined],
    ['a zero point of the activations', 16, 128, undefined],
    ['zero points of both', 16, 17, Int8Array.of(3, -4)],
    ['an odd inner dimension', 15, 128, Int8Array.of(0, 0)],
  ];
  it.each(cases)('%s', async (_name, inner, zeroA, zeroB) => {
    const weights = large(2 * inner);
    const model = product(inner, weights, zeroA, zeroB);
    const options = { vocabulary: 256, dims: [3, inner] };
    const expected = byHand(inner, weights, zeroA ?? 0, zeroB);
    expect([...(await runModel(emulateSaturation(model), options))['y']!]).toEqual(expected);
    expect(expected).not.toEqual(byHand(inner, weights, zeroA ?? 0, zeroB, Infinity));
  });

  it('of a weight that a node turns (a decoder tied to the token table)', async () => {
    const weights = large(32);
    const model = product(16, weights, 128, undefined);
    const turned = Int8Array.from({ length: 32 }, (_, i) => weights[(i % 16) * 2 + Math.floor(i / 16)]!);
    model.graph.initializers.delete('w');
    model.graph.initializers.set('table', memoryTensor('int8', [2, 16], turned));
    model.graph.nodes.unshift(makeNode('Transpose', ['table'], ['w'], { attrs: { perm: [1n, 0n] } }));
    const options = { vocabulary: 256, dims: [3, 16] };
    expect([...(await runModel(emulateSaturation(model), options))['y']!]).toEqual(byHand(16, weights, 128, undefined));
    expect(saturationRisk(model)).toEqual({ products: 1, of: 1 });
  });

  it('changes nothing where no pair can saturate', async () => {
    const model = quantized({ to: 'int8', reduceRange: true });
    const [a, b] = [await runModel(model), await runModel(emulateSaturation(model))];
    for (const name of Object.keys(a)) a[name]!.forEach((value, i) => expect(b[name]![i]).toBeCloseTo(value, 4));
  });

  it('refuses a model without such products', () => {
    expect(() => emulateSaturation(buildBert(tinyShape))).toThrow(
      /^--emulate-saturation: expected MatMulInteger with int8 weights, found none/,
    );
  });
});

describe('saturation risk', () => {
  it('sees int8 weights of full range and not those of 7 bits, uint8 or float', () => {
    const full = saturationRisk(quantized({ to: 'int8' }));
    expect(full.of).toBeGreaterThan(5);
    expect(full.products).toBeGreaterThan(0);
    expect(saturationRisk(quantized({ to: 'int8', reduceRange: true }))).toEqual({ products: 0, of: full.of });
    expect(saturationRisk(quantized({ to: 'uint8' }))).toEqual({ products: 0, of: 0 });
    expect(saturationRisk(buildBert(tinyShape))).toEqual({ products: 0, of: 0 });
  });

  it('sees a weight between DequantizeLinear nodes', () => {
    const model = modelOf({
      inputs: [floatValue('x', 'n', 2)],
      outputs: [floatValue('y', 'n', 1)],
      nodes: [
        makeNode('QuantizeLinear', ['x', 's', 'za'], ['q']),
        makeNode('DequantizeLinear', ['q', 's', 'za'], ['a']),
        makeNode('DequantizeLinear', ['w', 's', 'zb'], ['b']),
        makeNode('MatMul', ['a', 'b'], ['y']),
      ],
      initializers: {
        w: memoryTensor('int8', [2, 1], Int8Array.of(100, -100)),
        s: memoryTensor('float32', [], Float32Array.of(0.1)),
        za: memoryTensor('uint8', [], Uint8Array.of(3)),
        zb: memoryTensor('int8', [], Int8Array.of(0)),
      },
    });
    expect(saturationRisk(model)).toEqual({ products: 1, of: 1 });
  });
});
