// What a reader of bench's figures should know: what was not measured, what the intervals do not decide.
import type { Candidate } from '../../report/schema.ts';
import type { BenchMeasured } from './measure.ts';
import type { BenchPlan } from './plan.ts';
import type { Gates } from '../gates.ts';

export function benchNotes(
  plan: BenchPlan,
  { memory }: BenchMeasured,
  candidates: readonly Candidate[],
  gates: Gates,
): string[] {
  const bare = Math.max(...memory.map((one) => one.bareRssBytes));
  return [
    'latency is of random tokens without padding, the models in turn; a speedup is the median of the rounds',
    ...fixedNote(plan),
    ...plan.skipped.map(
      ({ batch, sequence, reason }) => `latency at ${batch} x ${sequence} was not measured: ${reason}`,
    ),
    ...candidates.flatMap((candidate) => speedNotes(candidate, gates, candidates.length > 1)),
    ...(memory.length > 0
      ? [
          `peak memory is of a process of its own, ${Math.round(bare / 1e6)} MB of it Node and onnxruntime without a model`,
        ]
      : []),
  ];
}

function fixedNote({ fixed: { batch, sequence } }: BenchPlan): string[] {
  const parts = [
    ...(batch === undefined ? [] : [`batch ${batch}`]),
    ...(sequence === undefined ? [] : [`sequence ${sequence}`]),
  ];
  return parts.length === 0 ? [] : [`inputs are fixed to ${parts.join(', ')}: measured there only`];
}

/** Where a model is slower, and where an interval has the gate's bound in it, so that another run may decide otherwise. */
function speedNotes({ output, latency = [] }: Candidate, { minSpeedup }: Gates, named: boolean): string[] {
  const of = named ? `${output.path}: ` : '';
  const slower = latency.filter((row) => (row.speedupCi95?.[1] ?? row.speedup) < 1);
  const open = latency.filter(({ speedupCi95: [low, high] = [Infinity, -Infinity] }) =>
    minSpeedup === undefined ? false : low <= minSpeedup && minSpeedup <= high,
  );
  return [
    ...(slower.length > 0
      ? [
          `${of}slower than the original on this CPU at ${slower.map((row) => `${row.batch} x ${row.sequence}`).join(', ')}`,
        ]
      : []),
    ...open.map(
      ({ batch, sequence, speedup, speedupCi95 }) =>
        `${of}--min-speedup at ${batch} x ${sequence}: ${factor(speedup)} decides, but its 95 % interval, ${speedupCi95!.map(factor).join(' to ')}, includes ${minSpeedup}x: measure longer (--seconds)`,
    ),
  ];
}

function factor(value: number): string {
  return `${value.toFixed(2)}x`;
}
