// A process that is killed while it trains loses only the steps since its last checkpoint.
import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { train } from '../../src/train/loop.ts';
import { tempDir } from '../support/temp.ts';
import { killedOptions, tinyBatches, tinyContext, tinyObjective, weightsOf } from './tiny-objective.ts';

/** Runs killed-run.ts until it prints this, kills it, and gives the signal it ended by. */
function killAt(text: string, folder: string): Promise<string | null> {
  const script = fileURLToPath(new URL('killed-run.ts', import.meta.url));
  const child = spawn(process.execPath, ['--import', 'tsx', script, folder], { stdio: ['ignore', 'pipe', 'inherit'] });
  let printed = '';
  child.stdout.on('data', (data: Buffer) => {
    printed += data.toString();
    if (printed.includes(text)) child.kill('SIGKILL');
  });
  return new Promise((resolve) => child.once('close', (_, signal) => resolve(signal)));
}

it('goes on from the last checkpoint after a SIGKILL, to the same weights', async () => {
  const folder = tempDir();
  expect(await killAt('at step 8', folder)).toBe('SIGKILL');
  const context = tinyContext();
  const resumed = await train(tinyObjective(), tinyBatches(), killedOptions(folder), context);
  const whole = await train(tinyObjective(), tinyBatches(), killedOptions(tempDir()), tinyContext());
  expect(context.lines).toEqual(['resumed after step 6']);
  expect(resumed.steps).toBe(16);
  expect(weightsOf(resumed.model)).toBe(weightsOf(whole.model));
});
