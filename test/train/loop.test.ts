// Training a small BERT on onnxruntime: that it learns, is the same every time, stops when it should and goes on where it was.
import { existsSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { train } from '../../src/train/loop.ts';
import type { BatchSource, StepReport, TrainBatch } from '../../src/train/types.ts';
import { tempDir } from '../support/temp.ts';
import { accuracy, tinyBatches, tinyContext, tinyObjective, tinyOptions, weightsOf } from './tiny-objective.ts';

describe('train', () => {
  it('learns, and reports every step', async () => {
    const steps: StepReport[] = [];
    const objective = tinyObjective();
    const before = await accuracy(objective.model);
    const result = await train(
      objective,
      tinyBatches(192, 8),
      { ...tinyOptions, length: { epochs: 4 } },
      tinyContext({ progress: (step) => steps.push(step) }),
    );
    expect(before).toBeLessThan(0.6);
    expect(await accuracy(result.model)).toBeGreaterThan(0.95);
    expect(result).toMatchObject({ stopped: 'done', steps: 96, epochs: 4, evaluations: [], best: undefined });
    expect(steps).toHaveLength(96);
    expect(steps[0]).toMatchObject({ step: 1, steps: 96, epoch: 0 });
    expect(steps[0]!.parts['hard']).toBe(steps[0]!.loss);
    expect(steps[0]!.norm).toBeGreaterThan(0);
    expect(result.curve.at(-1)).toMatchObject({ step: 96, loss: steps.at(-1)!.loss });
    // what is not trained is what it was
    const untouched = [...objective.model.graph.initializers].filter(([name]) => /position|axes/.test(name));
    for (const [name, tensor] of untouched) expect(result.model.graph.initializers.get(name)).toBe(tensor);
  });

  it('gives the same weights for the same seed, and others for another', async () => {
    const run = async (seed: number): Promise<string> =>
      weightsOf((await train(tinyObjective(), tinyBatches(64, 8, seed), tinyOptions, tinyContext())).model);
    expect(await run(1)).toBe(await run(1));
    expect(await run(2)).not.toBe(await run(1));
  });

  it('averages accumulated batches: two of eight are one of sixteen', async () => {
    const whole = tinyBatches(16, 16);
    const halves: BatchSource = {
      length: 2,
      async *epoch(index, from) {
        for await (const batch of whole.epoch(index, 0)) for (const half of [0, 1].slice(from)) yield cut(batch, half);
      },
    };
    const options = { ...tinyOptions, length: { epochs: 3 } };
    const one = await train(tinyObjective(), whole, options, tinyContext());
    const two = await train(tinyObjective(), halves, { ...options, accumulate: 2 }, tinyContext());
    expect(two).toMatchObject({ steps: 3, epochs: 3 });
    for (const [i, point] of one.curve.entries()) expect(two.curve[i]!.loss).toBeCloseTo(point.loss, 4);
  });

  it('lasts as long as it is told', async () => {
    const stopped = async (length: { epochs: number } | { steps: number } | { minutes: number }) => {
      const { steps, epochs } = await train(tinyObjective(), tinyBatches(), { ...tinyOptions, length }, tinyContext());
      return { steps, epochs };
    };
    expect(await stopped({ epochs: 1.5 })).toEqual({ steps: 12, epochs: 1.5 });
    expect(await stopped({ steps: 3 })).toEqual({ steps: 3, epochs: 3 / 8 });
    // the clock goes on by a second a step
    expect(await stopped({ minutes: 0.1 })).toEqual({ steps: 6, epochs: 6 / 8 });
  });

  it('looks at a run that the clock bounds in eight places', async () => {
    const evaluate = async (): Promise<number> => 0.5;
    const timed = { ...tinyOptions, length: { minutes: 0.8 } };
    const { evaluations, steps } = await train(tinyObjective(), tinyBatches(), timed, tinyContext({ evaluate }));
    expect(evaluations).toHaveLength(8);
    expect(evaluations[0]!.step).toBeLessThan(steps / 6);
    expect(evaluations.at(-1)!.step).toBe(steps);
    const said = { ...timed, evaluate: { everySteps: 20 } };
    const asked = await train(tinyObjective(), tinyBatches(), said, tinyContext({ evaluate }));
    expect(asked.evaluations.map(({ step }) => step)).toEqual([20, 40, asked.steps]);
  });

  it('refuses an objective and batches that cannot be trained on', async () => {
    await expect(train(tinyObjective(), tinyBatches(0), tinyOptions, tinyContext())).rejects.toThrow(
      'training: expected at least one batch, found none',
    );
    for (const [change, message] of [
      [{ length: { epochs: 0 } }, 'training: expected epochs above zero, found 0'],
      [{ length: { minutes: NaN } }, 'training: expected minutes above zero, found NaN'],
      [{ accumulate: 0.5 }, 'training: expected a whole number of batches to accumulate, found 0.5'],
    ] as const) {
      const options = { ...tinyOptions, ...change };
      await expect(train(tinyObjective(), tinyBatches(), options, tinyContext())).rejects.toThrow(message);
    }
  });
});

describe('evaluation on the way', () => {
  const metrics = (values: number[]) => {
    const seen: string[] = [];
    const evaluate = async (model: Parameters<typeof weightsOf>[0]): Promise<number> => {
      seen.push(weightsOf(model));
      return values[seen.length - 1]!;
    };
    return { seen, evaluate };
  };

  it('gives the best weights back, of the start too', async () => {
    const { seen, evaluate } = metrics([0.1, 0.5, 0.4, 0.5, 0.3]);
    const options = { ...tinyOptions, evaluate: { everyEpochs: 0.5, first: true } };
    const result = await train(tinyObjective(), tinyBatches(), options, tinyContext({ evaluate }));
    expect(result.evaluations.map(({ step }) => step)).toEqual([0, 4, 8, 12, 16]);
    expect(result.best).toEqual({ step: 4, metric: 0.5 });
    expect(weightsOf(result.model)).toBe(seen[1]);
    expect(seen[0]).toBe(weightsOf(tinyObjective().model));
    expect(new Set(seen).size).toBe(5);
  });

  it('stops when patience is over, and does not count what is no number', async () => {
    const { seen, evaluate } = metrics([NaN, 0.5, NaN, 0.5, 0.6]);
    const context = tinyContext({ evaluate });
    const options = { ...tinyOptions, evaluate: { everySteps: 2, patience: 2 } };
    const result = await train(tinyObjective(), tinyBatches(), options, context);
    expect(result).toMatchObject({ stopped: 'early', steps: 8, best: { step: 4, metric: 0.5 } });
    expect(weightsOf(result.model)).toBe(seen[1]);
    expect(context.lines).toEqual([2, 6].map((step) => `step ${step}: the metric is NaN: not counted`));
  });

  it('evaluates the end', async () => {
    const { evaluate } = metrics([0.1, 0.2]);
    const options = { ...tinyOptions, length: { steps: 10 } };
    const result = await train(tinyObjective(), tinyBatches(), options, tinyContext({ evaluate }));
    expect(result.evaluations).toEqual([
      { step: 8, metric: 0.1 },
      { step: 10, metric: 0.2 },
    ]);
  });
});

describe('steps that are not finite', () => {
  /** Batches of which some make the loss NaN: a mask of infinite weight. */
  const poisoned = (bad: readonly number[]): BatchSource => {
    const source = tinyBatches();
    return {
      length: source.length,
      async *epoch(index, from) {
        let i = from;
        for await (const batch of source.epoch(index, from)) {
          const factor = Number.NaN ** (bad.includes(index * source.length + ++i) ? 1 : 0);
          yield {
            ...batch,
            feeds: { ...batch.feeds, factor: { dtype: 'float32', dims: [], data: Float32Array.of(factor) } },
          };
        }
      },
    };
  };
  const objective = () => {
    const plain = tinyObjective();
    return {
      ...plain,
      appendLoss: (builder: Parameters<typeof plain.appendLoss>[0]) => {
        const { loss, inputs } = plain.appendLoss(builder);
        const factor = { name: 'factor', dtype: 'float32', shape: [] } as const;
        return { loss: builder.op('Mul', [loss, 'factor']), inputs: [...inputs, factor] };
      },
    };
  };

  it('are skipped once', async () => {
    const context = tinyContext();
    const options = { ...tinyOptions, patienceNotFinite: 5 };
    const result = await train(objective(), poisoned([3, 9]), options, context);
    expect(result).toMatchObject({ stopped: 'done', steps: 16, reason: undefined });
    expect(context.lines).toEqual(
      [3, 9].map((step) => `step ${step}: found a loss of NaN: skipped; a second one within 5 steps ends the training`),
    );
    expect(result.curve.map(({ step }) => step)).not.toContain(3);
    expect(result.curve.every(({ loss }) => Number.isFinite(loss))).toBe(true);
    expect(await accuracy(result.model)).toBeGreaterThan(0.3);
  });

  it('end the run when they come back, with the best weights', async () => {
    const seen: string[] = [];
    const evaluate = async (model: Parameters<typeof weightsOf>[0]): Promise<number> => seen.push(weightsOf(model));
    const options = { ...tinyOptions, evaluate: { everySteps: 2 } };
    const result = await train(objective(), poisoned([3, 5]), options, tinyContext({ evaluate }));
    expect(result).toMatchObject({
      stopped: 'not-finite',
      steps: 5,
      reason: 'step 5: expected a finite loss and gradient, found a loss of NaN, as at step 3',
      best: { step: 4, metric: 2 },
    });
    expect(weightsOf(result.model)).toBe(seen.at(-1));
  });
});

describe('checkpoints', () => {
  const evaluate = async (model: Parameters<typeof weightsOf>[0]): Promise<number> => -weightsOf(model).length % 7;
  const optionsWith = (folder: string, resume: boolean) => ({
    ...tinyOptions,
    evaluate: { everySteps: 4 },
    accumulate: 2,
    length: { epochs: 3 },
    checkpoint: { folder, everySteps: 3, fingerprint: 'x', resume },
  });

  it('go on as if the run had never stopped', async () => {
    const folder = tempDir();
    const whole = await train(tinyObjective(), tinyBatches(), optionsWith(tempDir(), false), tinyContext({ evaluate }));
    const killed = tinyContext({
      evaluate,
      progress: ({ step }) => {
        if (step === 8) throw new Error('killed');
      },
    });
    await expect(train(tinyObjective(), tinyBatches(), optionsWith(folder, false), killed)).rejects.toThrow('killed');
    const context = tinyContext({ evaluate });
    const resumed = await train(tinyObjective(), tinyBatches(), optionsWith(folder, true), context);
    expect(context.lines).toEqual(['resumed after step 6']);
    expect(weightsOf(resumed.model)).toBe(weightsOf(whole.model));
    expect(resumed).toMatchObject({ steps: 12, epochs: 3, best: whole.best });
    expect(resumed.curve).toEqual(whole.curve);
    expect(resumed.evaluations).toEqual(whole.evaluations);
    const done = await train(tinyObjective(), tinyBatches(), optionsWith(folder, true), tinyContext({ evaluate }));
    expect(done.steps).toBe(12);
    expect(weightsOf(done.model)).toBe(weightsOf(whole.model));
  });

  it('are the last two, and a half-written one is not read', async () => {
    const folder = tempDir();
    await train(tinyObjective(), tinyBatches(), optionsWith(folder, false), tinyContext());
    expect(readdirSync(folder).sort()).toEqual(['checkpoint-3', 'checkpoint-4']);
    writeFileSync(join(folder, 'checkpoint-5.tmp'), 'half');
    const result = await train(tinyObjective(), tinyBatches(), optionsWith(folder, true), tinyContext());
    expect(result.steps).toBe(12);
    expect(existsSync(join(folder, 'checkpoint-5.tmp'))).toBe(false);
  });

  it('are written when a run is interrupted, which gives its best so far', async () => {
    const folder = tempDir();
    const stop = new AbortController();
    const context = tinyContext({ signal: stop.signal, progress: ({ step }) => step === 4 && stop.abort() });
    const interrupted = await train(tinyObjective(), tinyBatches(), optionsWith(folder, false), context);
    expect(interrupted).toMatchObject({ stopped: 'interrupted', steps: 4, epochs: 1 });
    const resumed = await train(tinyObjective(), tinyBatches(), optionsWith(folder, true), tinyContext());
    const whole = await train(tinyObjective(), tinyBatches(), optionsWith(tempDir(), false), tinyContext());
    expect(weightsOf(resumed.model)).toBe(weightsOf(whole.model));
  });

  it('that are not there are told: the run begins anew', async () => {
    const folder = join(tempDir(), 'none');
    const context = tinyContext({ evaluate });
    expect((await train(tinyObjective(), tinyBatches(), optionsWith(folder, true), context)).stopped).toBe('done');
    expect(context.lines).toEqual([`no checkpoint in ${folder}: the run begins anew`]);
  });

  it('of another run are refused', async () => {
    const folder = tempDir();
    await train(tinyObjective(), tinyBatches(), optionsWith(folder, false), tinyContext());
    const options = optionsWith(folder, true);
    const other = { ...options, checkpoint: { ...options.checkpoint, fingerprint: 'y' } };
    await expect(train(tinyObjective(), tinyBatches(), other, tinyContext())).rejects.toThrow(
      /checkpoint-4: expected a checkpoint of this run, found one of another model, data or options/,
    );
    writeFileSync(join(folder, 'checkpoint-9'), '');
    await expect(train(tinyObjective(), tinyBatches(), options, tinyContext())).rejects.toThrow(/checkpoint-9/);
  });
});

/** Half of a batch of sixteen. */
function cut(batch: TrainBatch, half: number): TrainBatch {
  const feeds = Object.entries(batch.feeds).map(([name, { dtype, dims, data }]) => {
    const size = data.length / 2;
    return [name, { dtype, dims: [8, ...dims.slice(1)], data: data.slice(half * size, (half + 1) * size) }] as const;
  });
  return { feeds: Object.fromEntries(feeds), rows: 8 };
}
