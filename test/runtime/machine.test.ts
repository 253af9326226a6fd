import { describe, expect, it } from 'vitest';
import { sumsExactly, parseCpuinfo, parseSysctl, readMachine } from '../../src/runtime/machine.ts';

describe('readMachine', () => {
  it('reads this machine', () => {
    const machine = readMachine();
    expect(machine.cores).toBeGreaterThan(0);
    expect(machine.memory).toBeGreaterThan(2 ** 28);
    expect(machine.onnxruntime).toMatch(/^\d+\.\d+\.\d+/);
    expect(machine.node).toBe(process.versions.node);
    expect(machine.cpu).not.toBe('');
  });
});

describe('instruction sets', () => {
  it('reads x86 flags and knows VNNI', () => {
    const isa = parseCpuinfo(
      'processor\t: 0\nmodel name\t: X\nflags\t\t: fpu sse2 avx avx2 avx512f avx512_vnni amx_int8\n',
    );
    expect(isa).toEqual(['avx', 'avx2', 'avx512f', 'avx512_vnni', 'amx_int8']);
    expect(sumsExactly(isa, 'x64')).toBe(true);
    expect(sumsExactly(parseCpuinfo('flags : avx avx2 fma'), 'x64')).toBe(false);
  });

  it('reads ARM features', () => {
    const isa = parseCpuinfo('Features\t: fp asimd asimdhp asimddp i8mm\n');
    expect(isa).toEqual(['asimd', 'asimdhp', 'asimddp', 'i8mm']);
    expect(sumsExactly(isa, 'arm64')).toBe(true);
    expect(sumsExactly(['asimd'], 'arm64')).toBe(true); // MLAS's NEON kernels widen before they add
  });

  it('reads what macOS says', () => {
    expect(
      parseSysctl('hw.optional.arm.FEAT_DotProd: 1\nhw.optional.AdvSIMD: 1\nhw.optional.arm.FEAT_I8MM: 0'),
    ).toEqual(['asimd', 'asimddp']);
    expect(parseSysctl('hw.optional.avx2_0: 1\nmachdep.cpu.leaf7_features: AVX2 AVX512VNNI')).toEqual([
      'avx2',
      'avx512_vnni',
    ]);
  });

  it('knows nothing of what it cannot read', () => {
    expect(parseCpuinfo('')).toEqual([]);
    expect(sumsExactly([], 'x64')).toBe(false);
  });
});
