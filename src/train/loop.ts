// Training: epochs of steps with evaluations and checkpoints between them, until the run is over or has to stop.
import { DataError, UsageError } from '../errors.ts';
import { loadCheckpoint, saveCheckpoint } from './checkpoint.ts';
import { adamWDefaults } from './optimizer.ts';
import { rateShare } from './schedule.ts';
import { shareAt, thinOut } from './zeros.ts';
import { draw, startState, type TrainState } from './state.ts';
import { Stepper, type StepResult } from './stepper.ts';
import type { BatchSource, Objective, TrainBatch, TrainContext, TrainOptions, TrainResult } from './types.ts';

type Stopped = TrainResult['stopped'];

/**
 * Trains an objective's weights. The same objective, batches and options give the same weights, bit by bit, on one machine,
 * whether the run was interrupted and resumed or not (a run bounded by minutes depends on the clock).
 * @throws ModelError, DataError, UsageError where the objective, the batches, a checkpoint or the options cannot be used
 */
export async function train(
  objective: Objective,
  batches: BatchSource,
  options: TrainOptions,
  context: TrainContext,
): Promise<TrainResult> {
  check(batches, options);
  const given = Object.entries(options).filter(([, value]) => value !== undefined);
  const stepper = await Stepper.open(objective, { ...adamWDefaults, ...Object.fromEntries(given) }, context);
  try {
    return await new Run(stepper, batches, options, context).toEnd();
  } finally {
    await stepper.release();
  }
}

function check(batches: BatchSource, { length, accumulate = 1, workers = 1 }: TrainOptions): void {
  if (batches.length === 0) throw new DataError('training: expected at least one batch, found none');
  const [[unit, amount] = ['length', 0]] = Object.entries(length);
  if (!(amount > 0)) throw new UsageError(`training: expected ${unit} above zero, found ${amount}`);
  if (!Number.isInteger(accumulate) || accumulate < 1) {
    throw new UsageError(`training: expected a whole number of batches to accumulate, found ${accumulate}`);
  }
  if (!Number.isInteger(workers) || workers < 1)
    throw new UsageError(`training: expected a whole number of workers, found ${workers}`);
}

/** Evaluations of a run that the clock bounds. */
const PARTS = 8;

class Run {
  readonly #stepper: Stepper;
  readonly #batches: BatchSource;
  readonly #options: TrainOptions;
  readonly #context: TrainContext;
  readonly #stepsPerEpoch: number;
  /** Steps in all; undefined where minutes bound the run. */
  readonly #total: number | undefined;
  #state: TrainState = startState();
  /** Weights at the best evaluation. */
  #best: Float32Array[] | undefined;
  #reason: string | undefined;
  /** When `seconds` was last brought up to date. */
  #mark = 0;

  /** Eighths of a run by the clock that are over. */
  #part: number | undefined;

  constructor(stepper: Stepper, batches: BatchSource, options: TrainOptions, context: TrainContext) {
    this.#stepper = stepper;
    this.#batches = batches;
    this.#options = options;
    this.#context = context;
    this.#stepsPerEpoch = Math.ceil(batches.length / (options.accumulate ?? 1));
    const { length } = options;
    if ('steps' in length) this.#total = length.steps;
    else if ('epochs' in length) this.#total = Math.max(1, Math.round(length.epochs * this.#stepsPerEpoch));
  }

  async toEnd(): Promise<TrainResult> {
    this.#resume();
    this.#mark = this.#context.now();
    const stopped = await this.#untilStopped();
    this.#save();
    const { step, epoch, batch, seconds, best, curve, evaluations } = this.#state;
    return {
      model: this.#stepper.model(this.#best ?? this.#values().map((value) => value.slice())),
      stopped,
      reason: this.#reason,
      steps: step,
      epochs: epoch + batch / this.#batches.length,
      seconds,
      best: best ?? undefined,
      curve: curve.points,
      evaluations,
      scaling: this.#stepper.scaling?.state,
    };
  }

  /** Goes through the epochs. An error that an interruption caused is none. */
  async #untilStopped(): Promise<Stopped> {
    try {
      if (this.#state.step === 0 && this.#options.evaluate?.first === true) await this.#evaluate();
      return await this.#epochs();
    } catch (error) {
      if (this.#context.signal?.aborted === true) return 'interrupted';
      throw error;
    }
  }

  async #epochs(): Promise<Stopped> {
    const state = this.#state;
    for (;;) {
      let stopped = await this.#pause();
      if (stopped) return stopped;
      for await (const group of grouped(this.#batches.epoch(state.epoch, state.batch), this.#options.accumulate ?? 1)) {
        if (!(await this.#step(group))) return 'not-finite';
        stopped = await this.#pause();
        if (stopped) return stopped;
        if (state.step % (this.#options.checkpoint?.everySteps ?? Infinity) === 0) this.#save();
      }
      state.epoch++;
      state.batch = 0;
    }
  }

  /** What is between two steps: an evaluation where one is due, and whether to stop. */
  async #pause(): Promise<Stopped | undefined> {
    const { step, evaluated } = this.#state;
    const over = this.#done() >= 1;
    const due = over || (step > 0 && this.#isDue(step));
    if (due && evaluated !== step) await this.#evaluate();
    if (over) return 'done';
    if (this.#state.sinceBest >= (this.#options.evaluate?.patience ?? Infinity)) return 'early';
    return this.#context.signal?.aborted === true ? 'interrupted' : undefined;
  }

  /** One step; false where it was not finite and the run has to stop. */
  async #step(group: readonly TrainBatch[]): Promise<boolean> {
    const state = this.#state;
    const { schedule, rate: highest } = this.#options;
    const rate = highest * rateShare({ step: state.step, done: this.#done(), steps: this.#total }, schedule);
    const number = state.epoch * this.#batches.length + state.batch;
    this.#thinOut();
    const result = await this.#stepper.step(group, rate, number);
    state.step++;
    state.batch += group.length;
    this.#tick();
    if (!result.taken) return this.#skip(result);
    draw(state.curve, state.step, result.loss, result.parts, rate);
    this.#context.progress?.({
      ...result,
      step: state.step,
      steps: this.#steps(),
      epoch: state.epoch,
      rate,
      seconds: state.seconds,
    });
    return true;
  }

  /** Zeros that the schedule of sparsity asks for by now: every few steps, and at once where it has ended. */
  #thinOut(): void {
    const { gradual } = this.#options;
    if (!gradual || this.#state.thinned >= gradual.share) return;
    const share = shareAt(gradual, this.#done());
    if (share < gradual.share && this.#state.step % (gradual.everySteps ?? 10) !== 0) return;
    const names = new Set(gradual.of);
    for (const weight of this.#stepper.weights) if (names.has(weight.name)) thinOut(weight, share);
    this.#state.thinned = share;
  }

  /** A step that was not finite is skipped, unless another was not long before; any number where the loss's scale was to blame. */
  #skip({ loss, norm, overflow }: StepResult): boolean {
    if (overflow) return true;
    const state = this.#state;
    const what = Number.isFinite(loss) ? `a gradient of norm ${norm}` : `a loss of ${loss}`;
    const within = this.#options.patienceNotFinite ?? 100;
    const again = state.lastBad !== null && state.step - state.lastBad <= within;
    if (again)
      this.#reason = `step ${state.step}: expected a finite loss and gradient, found ${what}, as at step ${state.lastBad}`;
    else
      this.#context.log(
        `step ${state.step}: found ${what}: skipped; a second one within ${within} steps ends the training`,
      );
    state.lastBad = state.step;
    return !again;
  }

  /** Evaluates the weights as they are now, and keeps them where they are the best so far. */
  async #evaluate(): Promise<void> {
    if (!this.#context.evaluate) return;
    const state = this.#state;
    const given = await this.#context.evaluate(this.#stepper.model());
    const { metric, ...tasks } = typeof given === 'number' ? { metric: given } : given;
    this.#tick();
    state.evaluated = state.step;
    state.sinceBest++;
    if (!Number.isFinite(metric)) return this.#context.log(`step ${state.step}: the metric is ${metric}: not counted`);
    state.evaluations.push({ step: state.step, metric, ...tasks });
    if (state.thinned < (this.#options.gradual?.share ?? 0)) {
      state.sinceBest = 0;
      return;
    }
    if (state.best !== null && metric <= state.best.metric) return;
    state.best = { step: state.step, metric };
    state.sinceBest = 0;
    this.#best ??= this.#values().map((value) => new Float32Array(value.length));
    for (const [i, value] of this.#values().entries()) this.#best[i]!.set(value);
  }

  /** Is it time to evaluate? A run that the clock bounds may not see an epoch: it is looked at in eight places unless it is said where. */
  #isDue(step: number): boolean {
    const { everySteps, everyEpochs } = this.#options.evaluate ?? {};
    if (everySteps === undefined && everyEpochs === undefined && 'minutes' in this.#options.length) {
      const part = Math.floor(PARTS * this.#done());
      const due = part > (this.#part ?? part);
      this.#part = part;
      return due;
    }
    return step % (everySteps ?? Math.max(1, Math.round((everyEpochs ?? 1) * this.#stepsPerEpoch))) === 0;
  }

  /** Share of the run that is done. */
  #done(): number {
    const { length } = this.#options;
    return 'minutes' in length ? this.#state.seconds / (60 * length.minutes) : this.#state.step / this.#total!;
  }

  /** Steps in all, guessed from the time that those so far took where minutes bound the run. */
  #steps(): number {
    return this.#total ?? Math.max(this.#state.step, Math.round(this.#state.step / this.#done()));
  }

  #tick(): void {
    const now = this.#context.now();
    this.#state.seconds += (now - this.#mark) / 1000;
    this.#mark = now;
  }

  #values(): Float32Array[] {
    return this.#stepper.weights.map(({ value }) => value.data);
  }

  #save(): void {
    const { checkpoint } = this.#options;
    if (!checkpoint) return;
    this.#state.updates = this.#stepper.optimizer.steps;
    this.#state.scaling = this.#stepper.scaling?.state;
    saveCheckpoint(checkpoint.folder, checkpoint.fingerprint, this.#state, this.#arrays());
    this.#tick();
  }

  #resume(): void {
    const { checkpoint } = this.#options;
    if (checkpoint?.resume !== true) return;
    const state = loadCheckpoint(checkpoint.folder, checkpoint.fingerprint, ({ best }) => {
      if (best) this.#best = this.#values().map((value) => new Float32Array(value.length));
      return this.#arrays();
    });
    if (!state) return this.#context.log(`no checkpoint in ${checkpoint.folder}: the run begins anew`);
    this.#state = state;
    this.#stepper.optimizer.steps = state.updates;
    if (this.#stepper.scaling && state.scaling) this.#stepper.scaling.state = state.scaling;
    this.#context.log(`resumed after step ${state.step}`);
  }

  /** What a checkpoint holds beside the state. */
  #arrays(): Float32Array[] {
    const current = this.#stepper.weights.flatMap(({ value, moments }) => [value.data, ...moments]);
    return [...current, ...(this.#best ?? [])];
  }
}

/** Batches in groups of `size`; the last one of an epoch may be smaller. */
async function* grouped(batches: AsyncIterable<TrainBatch>, size: number): AsyncGenerator<TrainBatch[]> {
  let group: TrainBatch[] = [];
  for await (const batch of batches) {
    group.push(batch);
    if (group.length < size) continue;
    yield group;
    group = [];
  }
  if (group.length > 0) yield group;
}
