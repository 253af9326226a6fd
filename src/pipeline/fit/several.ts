// What a report says of each task of a model with several heads.
import type { Candidate, Training } from '../../report/schema.ts';
import { dataOf } from '../candidate.ts';
import { namedDevs } from './learn.ts';
import type { FitPart } from './set-up.ts';
import type { Measured } from '../measure.ts';
import type { DevSet } from '../learn/training.ts';

export function trainedTasks(parts: readonly FitPart[]): NonNullable<Training['tasks']> {
  return parts.map(({ name = '', task, choice: { output, labels }, source, samples, dev }) => ({
    name,
    task,
    output,
    labels: [...labels],
    weight: source.weight ?? 1,
    rows: { train: samples.length, ...(dev ? { dev: dev.dataset.size } : {}) },
    ...(dev ? { data: dataOf(dev.dataset) } : {}),
  }));
}

/** Each task that has rows to judge by, before and after. */
export async function measureTasks(
  parts: readonly FitPart[],
  compare: (dev: DevSet) => Promise<Measured>,
): Promise<Measured> {
  const tasks: NonNullable<Candidate['tasks']> = [];
  const notes = parts.flatMap(({ name, dev }) =>
    dev ? [] : [`${name}: accuracy was not measured: no rows to judge by`],
  );
  for (const dev of namedDevs(parts)) {
    const { found, notes: more } = await compare(dev);
    const accuracy = found[0]?.accuracy;
    if (accuracy) tasks.push({ name: dev.name, output: dev.output ?? '', accuracy });
    notes.push(...more.map((note) => `${dev.name}: ${note}`));
  }
  return { found: [{ tasks }], notes };
}
