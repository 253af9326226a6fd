// Latency of the INT8 file against float and against onnxruntime's quantize_dynamic per channel, measured in turn at four shapes.
// On shared machines wall times jump by half from second to second: a ratio is the median over rounds of the ratio within a round.
import { existsSync, mkdirSync } from 'node:fs';
import { defaultShapes } from '../src/evaluate/latency.ts';
import { openSession, type HostTensor, type Session } from '../src/runtime/session.ts';
import { machineLine, median, noPeers, peer, root, table, tool, work } from './support.ts';

const missing =
  noPeers() ?? (existsSync(`${root}../shared/models/minilm-sst2`) ? undefined : '../shared/models is not there');
if (missing) {
  console.log(`skipped: ${missing}`);
  process.exit(0);
}
const folder = `${work}latency/`;
mkdirSync(folder, { recursive: true });
const float = `${root}../shared/models/minilm-sst2/onnx/model.onnx`;
const [ours, theirs] = [`${folder}ours.onnx`, `${folder}peer.onnx`];
tool('quantize', float, '-o', ours, '--force', '--no-validate', '--quiet');
peer('ort_dynamic.py', float, theirs, 'per_channel');

let lost = false;
console.log(machineLine());
for (const threads of [1, 2]) {
  const rows: (string | number)[][] = [
    ['batch x tokens', 'float, ms', 'peer, ms', 'ours, ms', 'float / ours', 'peer / ours'],
  ];
  const sessions = await Promise.all([float, theirs, ours].map((path) => openSession(path, { threads })));
  for (const { batch, sequence } of defaultShapes) {
    const times = (await inTurn(sessions, batch, sequence)) as [number[], number[], number[]];
    const [f, p, o] = times;
    const over = (a: readonly number[]): number => median(a.map((ms, round) => ms / o[round]!));
    rows.push([
      `${batch} x ${sequence}`,
      ...times.map((list) => median(list).toFixed(2)),
      over(f).toFixed(2),
      over(p).toFixed(3),
    ]);
    lost ||= over(p) < 1.05 || over(f) < 1;
  }
  console.log(`\n${threads} thread${threads > 1 ? 's' : ''}, medians\n\n${table(rows)}`);
  await Promise.all(sessions.map((session) => session.release()));
}

process.exitCode = lost ? 1 : 0;

/** Each session's milliseconds round by round; before each timed run an untimed one, which finds the caches as another model left them. */
async function inTurn(sessions: readonly Session[], batch: number, sequence: number): Promise<number[][]> {
  const rounds = Math.max(40, Math.min(200, Math.round(12000 / (batch * sequence))));
  const times = sessions.map((): number[] => []);
  for (let round = 0; round < rounds; round++) {
    for (let k = 0; k < sessions.length; k++) {
      const at = (round + k) % sessions.length;
      const session = sessions[at]!;
      const feeds = Object.fromEntries(session.inputs.map(({ name }) => [name, tokens(name, batch, sequence)]));
      await session.run(feeds);
      const started = performance.now();
      await session.run(feeds);
      times[at]!.push(performance.now() - started);
    }
  }
  return times;
}

function tokens(name: string, batch: number, sequence: number): HostTensor {
  const value = (i: number): bigint => (/mask/.test(name) ? 1n : /type/.test(name) ? 0n : BigInt((i * 7919) % 30000));
  return {
    dtype: 'int64',
    dims: [batch, sequence],
    data: BigInt64Array.from({ length: batch * sequence }, (_, i) => value(i)),
  };
}
