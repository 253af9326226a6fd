// 8-bit affine quantization: onnxruntime's rules, and the kernels against plain arithmetic at every length and place.
import fc from 'fast-check';
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { compileKernels } from '../../scripts/kernels.js';
import {
  affineParams,
  grid8,
  mergeRanges,
  Quantizer,
  RangeCollector,
  roundHalfEven,
  transposeBytes,
  type Grid,
} from '../../src/math/affine.ts';
import { wasm } from '../../src/math/kernels/wasm.ts';

const grids: Record<string, Grid> = {
  'int8 symmetric': grid8(true, true, false),
  'int8 asymmetric': grid8(true, false, false),
  'int8 reduced': grid8(true, true, true),
  'uint8 asymmetric': grid8(false, false, false),
  'uint8 symmetric': grid8(false, true, false),
  'uint8 reduced': grid8(false, false, true),
};

function paramsOf(values: Float32Array, columns: number, axis: 0 | 1, grid: Grid, perChannel: boolean) {
  const collector = new RangeCollector(values.length / columns, columns, axis, grid.symmetric);
  collector.add(new Int32Array(values.buffer), 0);
  const ranges = collector.ranges();
  return { ranges, params: affineParams(perChannel ? ranges : mergeRanges(ranges), grid) };
}

const matrix = fc
  .tuple(fc.integer({ min: 1, max: 7 }), fc.integer({ min: 1, max: 23 }), fc.integer({ min: 0, max: 1e6 }))
  .map(([rows, columns, seed]) => ({
    columns,
    values: Float32Array.from({ length: rows * columns }, (_, i) => Math.sin(seed + i * i) * 10 ** ((i + seed) % 4)),
  }));

describe.each(Object.entries(grids))('%s', (_name, grid) => {
  it.each([
    ['a scale a column', 1, true],
    ['a scale a row', 0, true],
    ['one scale', 1, false],
  ] as const)(
    '%s: every number is within half a step, whatever the length and the pieces',
    (_how, axis, perChannel) => {
      fc.assert(
        fc.property(matrix, fc.nat({ max: 40 }), ({ columns, values }, cut) => {
          const { params } = paramsOf(values, columns, axis, grid, perChannel);
          const quantizer = new Quantizer(columns, axis, params, grid);
          const at = Math.min(cut, values.length);
          const out = new Uint8Array(values.length);
          quantizer.quantize(values.subarray(0, at), 0, out.subarray(0, at));
          quantizer.quantize(values.subarray(at), at, out.subarray(at));
          const wrong = [...values].filter((x, i) => {
            const channel = !perChannel ? 0 : axis === 1 ? i % columns : Math.floor(i / columns);
            const q = grid.signed ? (out[i]! << 24) >> 24 : out[i]!;
            const scale = params.scales[channel]!;
            const away = Math.abs((q - params.zeroPoints[channel]!) * scale - x);
            // the zero point of an asymmetric grid is rounded, which costs the ends up to half a step more
            return !(q >= grid.min && q <= grid.max && away <= scale * (grid.symmetric ? 0.5001 : 1.0001));
          });
          expect(wrong).toEqual([]);
        }),
        { numRuns: 60, seed: 3 },
      );
    },
  );
});

describe('ranges', () => {
  it('hold the largest magnitudes, zero included, and count channels that are not finite', () => {
    const values = Float32Array.of(1, -5, 0, NaN, 2, 3, -0, Infinity);
    const columns = paramsOf(values, 4, 1, grids['int8 asymmetric']!, true).ranges;
    expect(Array.from(columns.max).slice(0, 3)).toEqual([2, 3, 0]);
    expect(Array.from(columns.min).slice(0, 3)).toEqual([-0, -5, -0]);
    expect(columns.nonFinite).toBe(1);
    expect(paramsOf(values, 4, 1, grids['int8 symmetric']!, true).ranges.nonFinite).toBe(1);
    expect(paramsOf(values, 4, 0, grids['int8 symmetric']!, true).ranges.nonFinite).toBe(2);
  });
});

describe("onnxruntime's rules (quant_utils.compute_scale_zp)", () => {
  const one = (low: number, high: number, grid: Grid) =>
    affineParams({ min: Float32Array.of(low), max: Float32Array.of(high), nonFinite: 0 }, grid);

  it('symmetric int8 uses -127 to 127 and zero point 0', () => {
    const { scales, zeroPoints } = one(-1, 2.54, grids['int8 symmetric']!);
    expect([scales[0], zeroPoints[0]]).toEqual([Math.fround(2.54 / 127), 0]);
  });

  it('asymmetric uint8 puts zero where it belongs', () => {
    const { scales, zeroPoints } = one(-1, 3, grids['uint8 asymmetric']!);
    expect([scales[0], zeroPoints[0]]).toEqual([Math.fround(4 / 255), 64]);
  });

  it('all zeros get scale 1', () => {
    expect(one(0, 0, grids['int8 symmetric']!).scales[0]).toBe(1);
  });

  it('halves go to even', () => {
    expect([0.5, 1.5, 2.5, -0.5, -1.5].map(roundHalfEven)).toEqual([0, 2, 2, 0, -2]);
  });
});

it('transposes bytes of any shape', () => {
  const [rows, columns] = [37, 70];
  const bytes = Uint8Array.from({ length: rows * columns }, (_, i) => i % 251);
  const turned = transposeBytes(bytes, rows, columns);
  for (let r = 0; r < rows; r++)
    for (let c = 0; c < columns; c++) expect(turned[c * rows + r]).toBe(bytes[r * columns + c]);
});

it('the compiled kernels are those of the source: node scripts/kernels.js makes them anew', async () => {
  expect(Buffer.from(await compileKernels()).toString('base64')).toBe(wasm);
  expect(readFileSync(new URL('../../src/math/kernels/kernels.wat', import.meta.url), 'utf8')).toContain('(module');
});
