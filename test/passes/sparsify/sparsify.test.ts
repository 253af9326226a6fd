// Zeros in dense weights: how many, where, in both layouts, once for shared weights, and what stays as it was.
import { describe, expect, it } from 'vitest';
import { cloneModel } from '../../../src/ir/clone.ts';
import type { Model } from '../../../src/ir/graph.ts';
import { makeNode } from '../../../src/ir/node.ts';
import { asFloat32, floats, memoryTensor } from '../../../src/ir/tensor.ts';
import { float32ToFloat16 } from '../../../src/math/float16.ts';
import { amountOf } from '../../../src/passes/sparsify/amount.ts';
import { readRows, writeRows } from '../../../src/passes/sparsify/layout.ts';
import { findSparse, sparsify } from '../../../src/passes/sparsify/sparsify.ts';
import type { ActivationSums } from '../../../src/passes/sparsify/weights.ts';
import { dynamic8Bit } from '../../../src/passes/quantize/dynamic-8bit.ts';
import { fp16 } from '../../../src/passes/quantize/fp16.ts';
import { tinyBert } from '../../support/bert.ts';
import { quietContext } from '../../support/graphs.ts';

const run = (model: Model, options: Record<string, unknown>, sums?: ActivationSums) => {
  const pass = sparsify(sums);
  return pass.run(model, pass.options.parse(options), quietContext);
};
const valuesOf = (model: Model, name: string): Float32Array => asFloat32(model.graph.initializers.get(name)!);
const zeros = (values: ArrayLike<number>): number => Array.from(values).filter((value) => value === 0).length;
const options = sparsify().options.parse({ sparsity: 0.5, method: 'magnitude' });
const targets = findSparse(tinyBert(), options).targets;

/** Squares or products of the inputs, made up: a different size for each feature. */
function sumsOf(kind: 'squares' | 'products'): ActivationSums {
  const size = (j: number): number => 1 + ((7 * j) % 5);
  return new Map(
    targets.flatMap(({ inputs, columns }) =>
      inputs.map((input) => {
        const products = new Float64Array(columns * columns);
        for (let i = 0; i < columns; i++)
          for (let j = 0; j < columns; j++) products[i * columns + j] = size(i) * size(j) * (i === j ? 2 : 1);
        const squares = Float64Array.from({ length: columns }, (_, j) => products[j * (columns + 1)]!);
        return [input, kind === 'squares' ? squares : products] as const;
      }),
    ),
  );
}

/** The tiny model with every layer's weight stored [out, in] behind Gemm-like transposes. */
function turned(): Model {
  const model = cloneModel(tinyBert());
  const { graph } = model;
  for (const { name, rows, columns } of targets) {
    const values = valuesOf(model, name);
    const other = Float32Array.from(values, (_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!);
    graph.initializers.delete(name);
    graph.initializers.set(`${name}.turned`, memoryTensor('float32', [rows, columns], other));
    graph.nodes.unshift(makeNode('Transpose', [`${name}.turned`], [name], { attrs: { perm: [1n, 0n] } }));
  }
  return model;
}

describe('the weights', () => {
  it('are those of attention and feed-forward blocks: six a layer', () => {
    expect(targets.map(({ layer }) => layer)).toEqual([0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1]);
    const head = findSparse(tinyBert(), { ...options, head: true }).targets;
    expect(head.length).toBeGreaterThan(targets.length);
    const other = findSparse(tinyBert(), { ...options, exclude: [targets[0]!.name] });
    expect(other.targets).toHaveLength(11);
    expect(other.skipped[0]!.reason).toBe('kept dense by --keep-dense');
    expect(() => findSparse(tinyBert(), { ...options, exclude: ['nothing*'] })).toThrow(
      /--keep-dense: expected the name/,
    );
  });

  it.each([
    ['magnitude', undefined],
    ['wanda', sumsOf('squares')],
    ['sparsegpt', sumsOf('products')],
  ] as const)(
    'have exactly their share of zeros, the same in both layouts, the same every time: %s',
    (method, sums) => {
      const found = run(tinyBert(), { sparsity: 0.6, method }, sums);
      const again = run(turned(), { sparsity: 0.6, method }, sums);
      for (const { name, rows, columns } of targets) {
        const values = valuesOf(found.model, name);
        expect(zeros(values)).toBe(Math.round(0.6 * rows * columns));
        const other = valuesOf(again.model, `${name}.turned`);
        expect(other).toEqual(
          Float32Array.from(values, (_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!),
        );
      }
      const second = run(found.model, { sparsity: 0.6, method }, sums);
      expect(second.changed).toBe(false);
      const less = run(found.model, { sparsity: 0.3, method }, sums);
      expect(less.changed).toBe(false);
    },
  );

  it.each(['magnitude', 'wanda', 'sparsegpt'] as const)('keep N of M neighbours along the inputs: %s', (method) => {
    const sums = method === 'magnitude' ? undefined : sumsOf(method === 'wanda' ? 'squares' : 'products');
    const { model } = run(tinyBert(), { pattern: '2:4', method }, sums);
    for (const target of targets) {
      const rows = readRows({ ...target, tensor: model.graph.initializers.get(target.name)! });
      for (let at = 0; at < rows.length; at += 4) expect(zeros(rows.subarray(at, at + 4))).toBe(2);
    }
  });

  it('that stay are what they were, by magnitude and by Wanda', () => {
    for (const [method, sums] of [
      ['magnitude', undefined],
      ['wanda', sumsOf('squares')],
    ] as const) {
      const { model } = run(tinyBert(), { sparsity: 0.5, method }, sums);
      const before = valuesOf(tinyBert(), targets[0]!.name);
      expect(valuesOf(model, targets[0]!.name).every((value, i) => value === 0 || value === before[i])).toBe(true);
    }
  });

  it('of a fixed example: Wanda looks at the inputs, magnitude does not', () => {
    const model = tinyBert();
    const { name, rows, columns, inputs } = targets[0]!;
    model.graph.initializers.set(
      name,
      floats(
        [columns, rows],
        Array.from({ length: rows * columns }, (_, i) => 1 + Math.floor(i / rows)),
      ),
    );
    const large = Float64Array.from({ length: columns }, (_, j) => (j < columns / 2 ? 1e6 : 1));
    const sums = new Map([...sumsOf('squares'), [inputs[0]!, large]]);
    const first = (found: Model): number => zeros(valuesOf(found, name).subarray(0, (rows * columns) / 2));
    expect(first(run(model, { sparsity: 0.5, method: 'magnitude' }).model)).toBe((rows * columns) / 2);
    expect(first(run(model, { sparsity: 0.5, method: 'wanda' }, sums).model)).toBe(0);
  });

  it('that two layers share are treated once, over the inputs of both', () => {
    const model = cloneModel(tinyBert());
    const [a, b] = [targets[0]!, targets[6]!];
    model.graph.nodes = model.graph.nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => (input === b.name ? a.name : input)),
    }));
    model.graph.initializers.delete(b.name);
    const shared = findSparse(model, options).targets.find(({ name }) => name === a.name)!;
    expect(shared.inputs).toEqual([...a.inputs, ...b.inputs]);
    const squares = (at: number): Float64Array =>
      Float64Array.from({ length: a.columns }, (_, j) => (j === at ? 1e9 : 1e-9));
    const sums = new Map([...sumsOf('squares'), [a.inputs[0]!, squares(3)], [b.inputs[0]!, squares(5)]]);
    const kept = readRows({
      ...a,
      tensor: run(model, { sparsity: 1 - 2 / a.columns, method: 'wanda' }, sums).model.graph.initializers.get(a.name)!,
    });
    expect([...kept.subarray(0, a.columns).entries()].filter(([, value]) => value !== 0).map(([j]) => j)).toEqual([
      3, 5,
    ]);
  });

  it('of float16 go through unchanged where they stay', () => {
    const halves = new Uint16Array(6);
    float32ToFloat16(new Int32Array(Float32Array.of(1, -2.5, 0.1, 3e-6, 65504, 0).buffer), halves, {
      overflow: 0,
      underflow: 0,
      nonFinite: 0,
    });
    const layout = { tensor: memoryTensor('float16', [2, 3], halves), outFirst: false, rows: 3, columns: 2 };
    expect(readRows(layout).subarray(0, 2)).toEqual(Float64Array.of(1, 2 ** -24 * 50));
    expect(writeRows(layout, readRows(layout)).bytes()).toEqual(layout.tensor.bytes());
  });
});

describe('later passes', () => {
  const { model } = run(tinyBert({ hidden: 32 }), { sparsity: 0.7, method: 'magnitude' });
  const { name } = targets[0]!;
  const share = zeros(valuesOf(model, name)) / valuesOf(model, name).length;

  it.each(['int8', 'uint8'] as const)('keep zeros: %s holds the zero point where a weight is zero', (to) => {
    const result = dynamic8Bit.run(model, dynamic8Bit.options.parse({ to }), quietContext).model.graph;
    const bytes = result.initializers.get(`${name}_quantized`)!.bytes();
    const points = result.initializers.get(`${name}_zero_point`)!.bytes();
    const before = valuesOf(model, name);
    expect(before.every((value, i) => value !== 0 || bytes[i] === points[i % points.length])).toBe(true);
  });

  it('keep zeros: float16', () => {
    const half = fp16.run(model, fp16.options.parse({}), quietContext).model.graph.initializers.get(name)!;
    expect(zeros(new Uint16Array(half.bytes().slice().buffer)) / (half.byteLength / 2)).toBeGreaterThanOrEqual(share);
  });
});

describe('refusals', () => {
  it.each([
    [{ sparsity: 1 }, '--sparsity: expected a share above 0 and below 1, found 1'],
    [{ sparsity: 0 }, '--sparsity: expected a share above 0 and below 1, found 0'],
    [{ pattern: '4:4' }, "--pattern: expected N:M with 0 < N < M, as 2:4, found '4:4'"],
    [{ pattern: '0:4' }, "--pattern: expected N:M with 0 < N < M, as 2:4, found '0:4'"],
    [{ pattern: 'half' }, "--pattern: expected N:M with 0 < N < M, as 2:4, found 'half'"],
    [{}, 'expected --sparsity or --pattern, found neither'],
    [{ sparsity: 0.5, pattern: '2:4' }, 'expected --sparsity or --pattern, found both'],
  ])('%j', (given, message) => {
    expect(() => amountOf(given)).toThrow(message);
  });

  it('quantized weights, weights that are not finite, missing statistics', () => {
    const int8 = dynamic8Bit.run(tinyBert(), dynamic8Bit.options.parse({ to: 'int8' }), quietContext).model;
    expect(() => run(int8, { sparsity: 0.5, method: 'magnitude' })).toThrow(
      /sparsity: expected float weights, found int8 in '.*': prune first, then quantize/,
    );
    expect(() => run(tinyBert(), { sparsity: 0.5, method: 'wanda' })).toThrow(/expected statistics of its input/);
    const broken = tinyBert();
    broken.graph.initializers.set(
      targets[0]!.name,
      floats(
        [16, 16],
        Array.from({ length: 256 }, () => NaN),
      ),
    );
    expect(() => run(broken, { sparsity: 0.5, method: 'magnitude' })).toThrow(/expected finite weights/);
  });

  it('a pattern that does not divide the inputs, weight by weight', () => {
    const { targets: none, skipped } = findSparse(tinyBert(), { ...options, sparsity: undefined, pattern: '1:5' });
    expect(none).toEqual([]);
    expect(skipped[0]!.reason).toBe('16 inputs are no multiple of 5');
  });
});
