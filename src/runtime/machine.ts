// Facts about this machine for the report: processor, instruction set, memory, versions. Loads nothing native.
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, cpus, totalmem } from 'node:os';

export interface Machine {
  /** Processor model as the system names it. */
  readonly cpu: string;
  /** Vector and matrix extensions that matter to onnxruntime's kernels, as Linux spells them. */
  readonly isa: readonly string[];
  /** Cores this process may use. */
  readonly cores: number;
  /** Physical memory in bytes. */
  readonly memory: number;
  readonly onnxruntime: string;
  readonly node: string;
}

/** Extensions worth reporting, in the order they are shown. x86 names are those of /proc/cpuinfo, ARM's are its hwcaps. */
const known = [
  'avx',
  'fma',
  'avx2',
  'avx_vnni',
  'avx_vnni_int8',
  'avx512f',
  'avx512bw',
  'avx512_vnni',
  'avx512_bf16',
  'avx512_fp16',
  'amx_tile',
  'amx_int8',
  'amx_bf16',
  'asimd',
  'asimdhp',
  'asimddp',
  'i8mm',
  'bf16',
  'sve',
  'sve2',
] as const;

/** x86 extensions whose 8-bit dot products add up in 32 bits without a saturating 16-bit step on the way. */
const integerDotProduct: readonly string[] = ['avx_vnni', 'avx_vnni_int8', 'avx512_vnni', 'amx_int8'];

/** Reads the facts; whatever the system does not tell is left empty, nothing throws. */
export function readMachine(): Machine {
  return {
    cpu: cpus()[0]?.model.trim() || process.arch,
    isa: readInstructionSet(),
    cores: availableParallelism(),
    memory: totalmem(),
    onnxruntime: onnxruntimeVersion(),
    node: process.versions.node,
  };
}

/**
 * True where products of uint8 by int8 are summed exactly. Without VNNI, x86 adds two of them in saturating 16 bits
 * (VPMADDUBSW: 2 x 255 x 127 > 32,767), which weights of 7 bits avoid. onnxruntime's ARM kernels widen before they add,
 * with the dot product extension and without.
 */
export function sumsExactly(isa: readonly string[], arch: string = process.arch): boolean {
  return arch !== 'x64' || isa.some((extension) => integerDotProduct.includes(extension));
}

/** Version of the installed onnxruntime-node, from its package.json; '' where it cannot be found. */
export function onnxruntimeVersion(): string {
  try {
    const found: unknown = createRequire(import.meta.url)('onnxruntime-node/package.json');
    return typeof found === 'object' && found !== null && 'version' in found ? String(found.version) : '';
  } catch {
    return '';
  }
}

function readInstructionSet(): string[] {
  try {
    if (process.platform === 'linux') return parseCpuinfo(readFileSync('/proc/cpuinfo', 'utf8'));
    if (process.platform === 'darwin') return parseSysctl(sysctl());
  } catch {
    // an unreadable /proc or a sandbox without sysctl: unknown, not an error
  }
  return [];
}

/** Known extensions among the first processor's flags (`flags` on x86, `Features` on ARM). */
export function parseCpuinfo(text: string): string[] {
  const flags = /^(?:flags|Features)\s*:(.*)$/m.exec(text)?.[1] ?? '';
  const present = new Set(flags.trim().split(/\s+/));
  return known.filter((extension) => present.has(extension));
}

/** Known extensions from `sysctl hw.optional machdep.cpu.leaf7_features machdep.cpu.features`, which has names of its own. */
export function parseSysctl(text: string): string[] {
  const names: readonly (readonly [RegExp, (typeof known)[number]])[] = [
    [/hw\.optional\.avx1_0: 1/, 'avx'],
    [/hw\.optional\.fma: 1/, 'fma'],
    [/hw\.optional\.avx2_0: 1/, 'avx2'],
    [/hw\.optional\.avx512f: 1/, 'avx512f'],
    [/hw\.optional\.avx512bw: 1/, 'avx512bw'],
    [/\bAVX512VNNI\b/, 'avx512_vnni'],
    [/hw\.optional\.AdvSIMD: 1|hw\.optional\.neon: 1/, 'asimd'],
    [/hw\.optional\.arm\.FEAT_FP16: 1/, 'asimdhp'],
    [/hw\.optional\.arm\.FEAT_DotProd: 1/, 'asimddp'],
    [/hw\.optional\.arm\.FEAT_I8MM: 1/, 'i8mm'],
    [/hw\.optional\.arm\.FEAT_BF16: 1/, 'bf16'],
  ];
  return names.filter(([pattern]) => pattern.test(text)).map(([, extension]) => extension);
}

function sysctl(): string {
  return ['hw.optional', 'machdep.cpu.features', 'machdep.cpu.leaf7_features'].map(sysctlValue).join('\n');
}

function sysctlValue(name: string): string {
  try {
    return execFileSync('sysctl', [name], { encoding: 'utf8', timeout: 2000, stdio: ['ignore', 'pipe', 'ignore'] });
  } catch {
    return ''; // Apple silicon has no machdep.cpu.features
  }
}
