// Runs models in turn, round by round, so that what a machine does meanwhile meets all of them alike.
import { median } from '../math/statistics.ts';

/** Runs a model once and gives the milliseconds it took. */
export type TimedRun = () => Promise<number>;

export interface RoundOptions {
  /** Time for all rounds in milliseconds, warm-up included; at least `minRounds` are run however long they take. */
  readonly budgetMs: number;
  readonly minRounds: number;
  /** No more than these, however short; default 500. */
  readonly mostRounds?: number | undefined;
  /** Called after each round with how much of the work is done, in [0, 1]. */
  readonly progress?: ((done: number) => void) | undefined;
  /** Looked at before every turn; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/** Warm-up runs of each model: until one of these is reached. */
const warmUp = { runs: 5, ms: 50 };
/** A turn of short runs lasts about so long; a longer run is a turn by itself. Milliseconds. */
const turnMs = 20;
const mostRunsATurn = 10;

/**
 * Milliseconds of each model in each round. A round gives every model one turn and begins with another model than the
 * round before. The first run of a turn finds the caches as another model left them: up to a third slower where a run
 * takes a millisecond, nothing where it takes seven (docs/bench.md). A turn of short runs therefore begins with a run
 * that is not timed, and then has several, of which the median counts.
 */
export async function timeInTurn(models: readonly TimedRun[], options: RoundOptions): Promise<number[][]> {
  const { budgetMs, minRounds, mostRounds = 500, progress, signal } = options;
  const started = performance.now();
  const left = (rounds: number): boolean =>
    rounds < minRounds || (rounds < mostRounds && performance.now() - started < budgetMs);
  const runs = runsATurn(await warmUpAll(models, signal));
  const times = models.map((): number[] => []);
  for (let round = 0; left(round); round++) {
    for (let k = 0; k < models.length; k++) {
      signal?.throwIfAborted();
      const at = (round + k) % models.length;
      times[at]!.push(await takeTurn(models[at]!, runs));
    }
    progress?.(Math.min(1, (performance.now() - started) / budgetMs, (round + 1) / minRounds));
  }
  return times;
}

/** Milliseconds of each model's last warm-up run: the first one also reserves memory. */
async function warmUpAll(models: readonly TimedRun[], signal: AbortSignal | undefined): Promise<number[]> {
  const last: number[] = [];
  for (const run of models) {
    let [spent, ms] = [0, 0];
    for (let i = 0; i < warmUp.runs && spent < warmUp.ms; i++) {
      signal?.throwIfAborted();
      ms = await run();
      spent += ms;
    }
    last.push(ms);
  }
  return last;
}

/** Runs in a turn, untimed and timed: the same for every model, as the slowest allows. */
interface Turn {
  readonly untimed: number;
  readonly timed: number;
}

function runsATurn(milliseconds: readonly number[]): Turn {
  const slowest = Math.max(...milliseconds);
  if (slowest > turnMs) return { untimed: 0, timed: 1 };
  return { untimed: 1, timed: Math.max(1, Math.min(mostRunsATurn, Math.floor(turnMs / slowest))) };
}

async function takeTurn(run: TimedRun, { untimed, timed }: Turn): Promise<number> {
  for (let i = 0; i < untimed; i++) await run();
  const times: number[] = [];
  for (let i = 0; i < timed; i++) times.push(await run());
  return median(times);
}

/** Medians of the rounds in milliseconds. */
export async function mediansInTurn(models: readonly TimedRun[], options: RoundOptions): Promise<number[]> {
  return (await timeInTurn(models, options)).map((times) => median([...times]));
}
