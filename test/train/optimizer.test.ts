// AdamW against PyTorch (make-adamw-vectors.py), and what PyTorch has no equal of against plain arithmetic.
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { floats } from '../../src/ir/tensor.ts';
import { AdamW, adamWDefaults, type AdamWOptions } from '../../src/train/optimizer.ts';
import { layOut, type DenseWeight, type TableWeight, type Weight } from '../../src/train/weights.ts';
import { float32, int64 } from './support.ts';

const vectors: {
  start: [number[], number[]];
  steps: { rate: number; gradients: [number[], number[]]; norm: number; w: number[]; b: number[] }[];
} = JSON.parse(readFileSync(new URL('adamw-vectors.json', import.meta.url), 'utf8'));

const free: AdamWOptions = { ...adamWDefaults, clipNorm: Infinity, decay: 0 };
const dense = (name: string, shape: number[], values: number[], decay = true): DenseWeight => {
  const [weight] = layOut([{ name, decay, tensor: floats(shape, values), byRows: false }]);
  if (!weight || weight.byRows) throw new Error('expected a dense weight');
  return weight;
};
const table = (shape: number[], values: number[], decay = true): TableWeight => {
  const [weight] = layOut([{ name: 'table', decay, tensor: floats(shape, values), byRows: true }]);
  if (!weight?.byRows) throw new Error('expected a table');
  return weight;
};
const close = (found: Weight | Float32Array, expected: readonly number[], digits = 6): void => {
  const values = found instanceof Float32Array ? found : found.value.data;
  expect(values).toHaveLength(expected.length);
  expected.forEach((value, i) => expect(values[i]).toBeCloseTo(value, digits));
};

describe('AdamW', () => {
  it.each([2 ** 20, 500])('takes the steps PyTorch takes, in memories of %i bytes', (memory) => {
    const [w, b] = layOut(
      [
        { name: 'w', decay: true, tensor: floats([3, 7], vectors.start[0]), byRows: false },
        { name: 'b', decay: false, tensor: floats([5], vectors.start[1]), byRows: false },
      ],
      memory,
    ) as [DenseWeight, DenseWeight];
    expect(w.kernels === b.kernels).toBe(memory > 500);
    const adam = new AdamW([w, b], { ...free, clipNorm: 1.5, decay: 0.1, betas: [0.8, 0.95], epsilon: 1e-6 });
    for (const step of vectors.steps) {
      w.gradient.data.set(step.gradients[0]);
      b.gradient.data.set(step.gradients[1]);
      expect(adam.step(step.rate).norm).toBeCloseTo(step.norm, 5);
      close(w, step.w, 5);
      close(b, step.b, 5);
    }
  });

  it('moves weights at every place of a large array', () => {
    const n = 1003;
    const values = Array.from({ length: n }, (_, i) => Math.sin(i));
    const weight = dense('w', [n], values);
    weight.gradient.data.set(values.map((value) => Math.cos(7 * value)));
    new AdamW([weight], free).step(0.01);
    // the first step's length is the rate, whatever the gradient: m / sqrt(v) is its sign
    close(
      weight,
      values.map((value) => value - 0.01 * Math.sign(Math.cos(7 * value))),
      4,
    );
  });

  it('scales, then adds penalties, then clips by value, then takes the norm', () => {
    const [w, b] = [dense('w', [4], [1, -2, 3, 0]), dense('b', [2], [5, 5], false)];
    const adam = new AdamW([w, b], { ...free, l1: 0.1, l2: 0.5, clipValue: 1 });
    w.gradient.data.set([0.2, 0.4, -4, 8]);
    b.gradient.data.set([0.6, -6]);
    const { norm } = adam.step(0, 0.5);
    const expected = [0.1 + 0.1 + 0.5, 0.2 - 0.1 - 1, -2 + 0.1 + 1.5, 1, 0.3, -1];
    expect(norm).toBeCloseTo(Math.hypot(...expected), 5);
    // m after one step is (1 - beta1) times the gradient
    close(
      w.moments[0],
      expected.slice(0, 4).map((value) => 0.1 * value),
    );
  });

  it('changes nothing where a gradient is not finite, or its square would not be', () => {
    for (const [bad, clipNorm, taken, clipValue = Infinity] of [
      [NaN, 1, false],
      [Infinity, 1, false],
      [-Infinity, 1, false, 1],
      [3e38, Infinity, false],
      [3e38, 1, true],
      [3e38, Infinity, true, 1],
    ] as const) {
      const weight = dense('w', [5], [1, 2, 3, 4, 5]);
      const adam = new AdamW([weight], { ...free, clipNorm, clipValue });
      weight.gradient.data.set([0, 0, 0, 0, bad]);
      expect(adam.step(0.1).taken).toBe(taken);
      expect(adam.steps).toBe(taken ? 1 : 0);
      close(weight, [1, 2, 3, 4, taken ? 4.9 : 5]);
    }
  });
});

describe('AdamW on tables', () => {
  const start = Array.from({ length: 15 }, (_, i) => i / 10);

  it('adds up repeated rows and leaves the others alone', () => {
    const [rows, all] = [table([5, 3], start), dense('w', [5, 3], start)];
    const [lazy, full] = [new AdamW([rows], { ...free, clipNorm: 2 }), new AdamW([all], { ...free, clipNorm: 2 })];
    lazy.addRows(rows, int64([2, 2], [3, 1, 3, -2]), float32([4, 3], [1, 2, 3, 4, 5, 6, 10, 20, 30, 100, 200, 300]));
    all.gradient.data.set([0, 0, 0, 4, 5, 6, 0, 0, 0, 111, 222, 333, 0, 0, 0]);
    expect(lazy.step(0.1).norm).toBeCloseTo(full.step(0.1).norm, 3);
    close(rows, [...all.value.data]);
  });

  it('decays moments and weights only of rows that have a gradient', () => {
    const rows = table([5, 3], start);
    const adam = new AdamW([rows], { ...free, decay: 0.5 });
    adam.addRows(rows, int64([1], [0]), float32([1, 3], [1, 1, 1]));
    adam.step(0.1);
    const [after, moments] = [rows.value.data.slice(), rows.moments.map((moment) => moment.slice())];
    adam.addRows(rows, int64([1], [4]), float32([1, 3], [1, 1, 1]));
    adam.step(0.1);
    expect(rows.value.data.subarray(0, 12)).toEqual(after.subarray(0, 12));
    moments.forEach((moment, i) => expect(rows.moments[i]!.subarray(0, 12)).toEqual(moment.subarray(0, 12)));
    // SparseAdam's second step of a row touched first: m = 0.1, v = 0.001, both corrected for two steps
    const move = (0.1 * (0.1 / (1 - 0.81))) / Math.sqrt(0.001 / (1 - 0.998001));
    close(
      rows.value.data.subarray(12),
      [1.2, 1.3, 1.4].map((value) => value * 0.95 - move),
      5,
    );
  });

  it('updates more rows than fit one piece', () => {
    const [height, width] = [300, 50];
    const values = Array.from({ length: height * width }, (_, i) => Math.sin(i));
    const [rows, all] = [table([height, width], values), dense('w', [height, width], values)];
    const gradient = values.map((value) => value ** 3);
    const adam = new AdamW([rows], free);
    const order = Array.from({ length: height }, (_, i) => (i * 7) % height);
    const moved = order.flatMap((row) => gradient.slice(row * width, (row + 1) * width));
    adam.addRows(rows, int64([height], order), float32([height, width], moved));
    adam.step(0.1);
    all.gradient.data.set(gradient);
    new AdamW([all], free).step(0.1);
    expect(rows.value.data).toEqual(all.value.data);
  });
});

it('refuses weights that cannot be trained', () => {
  const half = { dtype: 'float16', shape: [2], byteLength: 4, bytes: () => new Uint8Array(4) } as const;
  expect(() => layOut([{ name: 'w', decay: true, tensor: half, byRows: false }])).toThrow(
    "weight 'w': expected float32 to be trained, found float16",
  );
  expect(() =>
    layOut([{ name: 'w', decay: true, tensor: floats([40], Array(40).fill(1)), byRows: false }], 640),
  ).toThrow("weight 'w': expected at most 32 numbers, found 40");
});
