// `bench` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import type { Shape } from './evaluate/latency.ts';
import { benchModels } from './pipeline/bench/bench.ts';
import type { Events } from './pipeline/events.ts';
import { gatesOf } from './pipeline/gates.ts';
import type { Report } from './report/schema.ts';

/** Options of `bench`; each is the flag of the same name. */
export interface BenchOptions {
  /** Texts at once; every one is measured with every sequence. Default 1 and 8. */
  readonly batch?: readonly number[] | undefined;
  /** Tokens of a text. Default 16, 128 and 384. */
  readonly sequence?: readonly number[] | undefined;
  /** Pairs of both instead: `1x16`, or objects. */
  readonly shapes?: readonly (string | Shape)[] | undefined;
  /** Seconds a shape, all models together; default 3. At least ten rounds are run however long they take. */
  readonly seconds?: number | undefined;
  /** Peak memory of each model, in a process of its own; default true. */
  readonly memory?: boolean | undefined;
  /** Time by operator at the largest shape; default false. */
  readonly profile?: boolean | undefined;
  /** `1.2x`, at every measured shape. */
  readonly minSpeedup?: string | undefined;
  /** `30MB` */
  readonly maxSize?: string | undefined;
  /** Of the tokens and of the bootstrap; default 0. */
  readonly seed?: number | undefined;
  /** Intra-op threads; default all cores. */
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

const defaults = { batch: [1, 8], sequence: [16, 128, 384], seconds: 3 };

/**
 * Measure latency, throughput and memory of models against the original, all in turn, and judge them by the gates.
 * A gate that does not hold is no exception: `report.verdict` is 'fail', and each candidate's `failures` say why.
 * Throws UsageError, ModelError or DataError: one line each.
 */
export async function bench(
  original: string,
  candidates: readonly string[],
  options: BenchOptions = {},
  events?: Events,
): Promise<Report> {
  const { seed = 0, threads, ep, memory = true, profile = false, signal } = options;
  const { minSpeedup, maxSize, seconds = defaults.seconds } = options;
  if (!(seconds > 0)) throw new UsageError(`--seconds: expected a positive number, found ${seconds}`);
  return benchModels(
    {
      original,
      candidates,
      shapes: shapesOf(options),
      named: options.shapes !== undefined || options.batch !== undefined || options.sequence !== undefined,
      budgetMs: 1000 * seconds,
      seed,
      threads,
      ep: ep === undefined ? undefined : [ep],
      memory,
      profile,
      gates: gatesOf({ minSpeedup, maxSize }),
      signal,
    },
    events,
  );
}

function shapesOf({ shapes, batch = defaults.batch, sequence = defaults.sequence }: BenchOptions): Shape[] {
  const asked = shapes
    ? shapes.map((shape) => (typeof shape === 'string' ? parseShape(shape) : shape))
    : batch.flatMap((b) => sequence.map((s) => ({ batch: b, sequence: s })));
  for (const { batch, sequence } of asked) {
    if (!(Number.isInteger(batch) && Number.isInteger(sequence) && batch > 0 && sequence > 0))
      throw new UsageError(`shape ${batch}x${sequence}: expected whole numbers from 1, such as 8x128`);
  }
  if (asked.length === 0) throw new UsageError('--shapes: expected at least one, found none');
  return asked;
}

/** `8x128`: batch x tokens. Throws UsageError. */
function parseShape(text: string): Shape {
  const match = /^(\d+)x(\d+)$/.exec(text.trim());
  if (!match) throw new UsageError(`--shapes: expected batch x tokens such as 1x16,8x128, found '${text}'`);
  return { batch: Number(match[1]), sequence: Number(match[2]) };
}
