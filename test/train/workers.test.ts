// Several processes that share a step: the same gradients, the same result on every run, and the end of one of them.
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Model } from '../../src/ir/graph.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession } from '../../src/runtime/session.ts';
import { TrainingHelpers } from '../../src/runtime/training-helpers.ts';
import { train } from '../../src/train/loop.ts';
import { adamWDefaults } from '../../src/train/optimizer.ts';
import { countRows } from '../../src/train/pieces.ts';
import { Stepper } from '../../src/train/stepper.ts';
import type { Objective, TrainSession } from '../../src/train/types.ts';
import { tempDir } from '../support/temp.ts';
import { tinyBatches, tinyContext, tinyObjective, tinyOptions, weightsOf } from './tiny-objective.ts';

/** As the pipeline opens it, with one thread each. */
async function open(model: Model, count: number): Promise<TrainSession> {
  const path = join(tempDir(), 'graph.onnx');
  writeModel(model, path);
  const session = await openSession(path, { threads: 1 });
  if (count === 0) return session;
  const helpers = await TrainingHelpers.open(path, count, path, { threads: 1 });
  return {
    run: (feeds, into) => session.run(feeds, into),
    helpers,
    release: () => (helpers.release(), session.release()),
  };
}

const objective = (): Objective => {
  const plain = tinyObjective();
  return {
    ...plain,
    dropout: ['embeddings'],
    appendLoss: (builder) => ({ ...plain.appendLoss(builder), count: countRows }),
  };
};

describe('workers', () => {
  it('come to the gradients of one process, tables by rows too', async () => {
    const steps = [];
    for (const workers of [1, 3]) {
      const stepper = await Stepper.open(objective(), { ...adamWDefaults, workers }, tinyContext({ open }));
      for await (const batch of tinyBatches(8, 8).epoch(0, 0)) {
        const { loss, norm } = await stepper.step([batch, batch], 1e-3, 0);
        const gradients = stepper.weights.map(({ name, moments }) => [name, [...moments[0]]] as const);
        steps.push({ loss, norm, gradients: new Map(gradients) });
      }
      await stepper.release();
    }
    const [alone, shared] = steps;
    expect(shared!.loss).toBeCloseTo(alone!.loss, 5);
    expect(shared!.norm).toBeCloseTo(alone!.norm, 4);
    for (const [name, values] of alone!.gradients)
      shared!.gradients.get(name)!.forEach((value, i) => expect(value).toBeCloseTo(values[i]!, 5));
  });

  it('give the same weights on every run, dropout included', async () => {
    const options = { ...tinyOptions, length: { steps: 4 }, workers: 2, dropout: 0.1 };
    const run = async () => weightsOf((await train(objective(), tinyBatches(), options, tinyContext({ open }))).model);
    expect(await run()).toBe(await run());
  });

  it('that end are an error that names them', async () => {
    const context = tinyContext({
      open,
      progress: ({ step }) => {
        if (step !== 2) return;
        const children = execFileSync('ps', ['-A', '-o', 'pid=,ppid=,args='], { encoding: 'utf8' });
        const started = new RegExp(String.raw`^\s*(\d+)\s+${process.pid}\s.*begin\(\{ shapes \}\)`, 'm');
        const pid = started.exec(children.replaceAll(/\n(?!\s*\d+ )/g, ' '))?.[1];
        process.kill(Number(pid), 'SIGKILL');
      },
    });
    await expect(train(objective(), tinyBatches(), { ...tinyOptions, workers: 2 }, context)).rejects.toThrow(
      'worker 1: expected it to work until training ends, found: it was ended by SIGKILL',
    );
  });

  it('say where they have nothing to share, and are a whole number', async () => {
    const context = tinyContext({ open });
    await train(tinyObjective(), tinyBatches(), { ...tinyOptions, length: { steps: 1 }, workers: 2 }, context);
    expect(context.lines[0]).toMatch(/^batches of this loss are run whole: workers share only/);
    await expect(train(objective(), tinyBatches(), { ...tinyOptions, workers: 0 }, context)).rejects.toThrow(
      'training: expected a whole number of workers, found 0',
    );
  });
});
