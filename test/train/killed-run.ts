// A training run that a test kills: says when it is at step 8, and stays there. usage: killed-run.ts FOLDER
import { writeSync } from 'node:fs';
import { train } from '../../src/train/loop.ts';
import { killedOptions, tinyBatches, tinyContext, tinyObjective } from './tiny-objective.ts';

const progress = ({ step }: { step: number }): void => {
  if (step < 8) return;
  writeSync(1, 'at step 8');
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
};
await train(tinyObjective(), tinyBatches(), killedOptions(process.argv[2]!), tinyContext({ progress }));
