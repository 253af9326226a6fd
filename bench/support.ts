// Shared by the benchmarks: processes with their time and peak memory, the Python peers, and a line about the machine.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readMachine } from '../src/runtime/machine.ts';

export const root = fileURLToPath(new URL('..', import.meta.url));
/** Where benchmarks keep what they make; git ignores it. */
export const work = `${root}.bench/`;
mkdirSync(work, { recursive: true });

/** A Python with onnx, onnxruntime and transformers for the peers: the environment's PEER_PYTHON, else python3. */
const python = process.env['PEER_PYTHON'] ?? 'python3';
const peers = `${root}../shared/peers/`;

export interface ProcessFigures {
  readonly seconds: number;
  /** Peak resident memory of the process in MiB. */
  readonly peakMib: number;
  readonly stdout: string;
}

/** Run a process to its end; GNU time gives its peak memory. Throws where it fails. */
export function measureProcess(command: string, args: readonly string[], cwd = root): ProcessFigures {
  const started = performance.now();
  const run = spawnSync('/usr/bin/time', ['-f', 'peak %M', command, ...args], {
    cwd,
    encoding: 'utf8',
    maxBuffer: 1 << 26,
  });
  const seconds = (performance.now() - started) / 1000;
  if (run.status !== 0) throw new Error(`${command} ${args.join(' ')}: ${run.stderr.slice(-2000)}`);
  return { seconds, peakMib: Number(/peak (\d+)/.exec(run.stderr)?.[1]) / 1024, stdout: run.stdout };
}

/** The built command line. */
export function tool(...args: string[]): ProcessFigures {
  return measureProcess(process.execPath, [`${root}bin/run.js`, ...args]);
}

/** A script of ../shared/peers. */
export function peer(script: string, ...args: string[]): ProcessFigures {
  return measureProcess(python, [`${peers}${script}`, ...args], peers);
}

/** Why the peers cannot be run here, or undefined; `modules` are what their Python needs. */
export function noPeers(modules = 'onnx, onnxruntime'): string | undefined {
  if (!existsSync(peers)) return '../shared/peers is not there';
  const probe = spawnSync(python, ['-c', `import ${modules}`], { encoding: 'utf8' });
  return probe.status === 0 ? undefined : `${python} lacks one of ${modules}: set PEER_PYTHON to one that has them`;
}

export function machineLine(): string {
  const machine = readMachine();
  return `${machine.cpu}, ${machine.cores} cores (${machine.isa.join(' ')}), onnxruntime-node ${machine.onnxruntime}, node ${machine.node}, ${new Date().toISOString().slice(0, 10)}`;
}

/** A markdown table. */
export function table(rows: readonly (readonly (string | number)[])[]): string {
  const [head = [], ...body] = rows;
  return [head, head.map(() => '---'), ...body].map((row) => `| ${row.join(' | ')} |`).join('\n');
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[sorted.length >> 1]!;
}
