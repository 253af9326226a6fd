// Where a model's time goes: onnxruntime's own profile, summed up by operator.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openSession, type Session, type SessionOptions } from './session.ts';

/** One operator as onnxruntime runs it, after its own fusions. */
export interface OperatorTime {
  readonly op: string;
  /** Nodes a run. */
  readonly count: number;
  /** Milliseconds a run. */
  readonly ms: number;
  /** Of the time of all operators. */
  readonly share: number;
}

const warmUps = 2;

/**
 * Opens the model, lets `run` run it once and again, and gives the operators' times a run, the longest first. Taking a
 * profile slows a run of small operators: shares are what it is good for.
 * @param run runs the model once
 * @param runs how often it is counted, after two runs that are not
 * @throws ModelError where the model does not load or run
 */
export async function profileOperators(
  model: string,
  options: SessionOptions,
  run: (session: Session) => Promise<unknown>,
  runs = 5,
): Promise<OperatorTime[]> {
  const folder = mkdtempSync(join(tmpdir(), 'bert-compress-profile-'));
  try {
    const session = await openSession(model, { ...options, profilePrefix: join(folder, 'p') });
    try {
      for (let i = 0; i < warmUps + runs; i++) await run(session);
    } finally {
      await session.release();
    }
    return sumUp(readFileSync(join(folder, readdirSync(folder)[0]!), 'utf8'), warmUps);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** An event of onnxruntime's profile, in the format of Chrome's traces; times in microseconds. */
interface TraceEvent {
  readonly cat: string;
  readonly name: string;
  readonly ts: number;
  readonly dur: number;
  readonly args?: { readonly op_name?: string };
}

/** Sum a profile up by operator, without its first `skipped` runs. */
export function sumUp(json: string, skipped: number): OperatorTime[] {
  const events = JSON.parse(json) as TraceEvent[];
  const runs = events.filter((event) => event.name === 'model_run').sort((a, b) => a.ts - b.ts);
  const counted = runs.slice(skipped);
  const from = counted[0]?.ts ?? Infinity;
  const nodes = events.filter((event) => event.cat === 'Node' && event.name.endsWith('_kernel_time'));
  const sums = new Map<string, { count: number; us: number }>();
  for (const { op, us } of ownTimes(nodes.filter((event) => event.ts >= from))) {
    const sum = sums.get(op) ?? { count: 0, us: 0 };
    sums.set(op, { count: sum.count + 1, us: sum.us + us });
  }
  const all = [...sums.values()].reduce((sum, { us }) => sum + us, 0);
  return [...sums]
    .map(([op, { count, us }]) => ({
      op,
      count: Math.round(count / counted.length),
      ms: us / 1000 / counted.length,
      share: all === 0 ? 0 : us / all,
    }))
    .toSorted((a, b) => b.ms - a.ms || a.op.localeCompare(b.op));
}

/** Microseconds of each node without those of nodes inside it: `If` and `Loop` contain others. */
function ownTimes(nodes: readonly TraceEvent[]): { op: string; us: number }[] {
  const open: { end: number; own: { op: string; us: number } }[] = [];
  return nodes
    .toSorted((a, b) => a.ts - b.ts || b.dur - a.dur)
    .map(({ ts, dur, args }) => {
      const own = { op: args?.op_name ?? 'unknown', us: dur };
      while (open.length > 0 && open.at(-1)!.end <= ts) open.pop();
      const around = open.at(-1);
      if (around && ts + dur <= around.end) around.own.us -= dur;
      open.push({ end: ts + dur, own });
      return own;
    });
}
