// The rows that original and pruned models are judged by.
import { UsageError } from '../../errors.ts';
import { taskNamed } from '../../evaluate/registry.ts';
import { readKnownModel, type KnownModel } from '../known-model.ts';
import { entryOf } from '../learn/trained.ts';
import { prepareMaterial, refuseImpossible, type Material, type NoMaterial } from '../material.ts';
import type { FewerTokens } from '../vocabulary/vocabulary.ts';
import type { PruneModelOptions } from './prune.ts';
import type { PruneMaterial } from './set-up.ts';

export interface Judged {
  readonly original: KnownModel;
  readonly material: PruneMaterial | undefined;
  /** Set where the vocabulary is smaller: the models have a tokenizer of their own. */
  readonly fewer?: FewerTokens | undefined;
}

/**
 * @param path of a written model, whose folder has the tokenizer of all
 * @throws UsageError where a gate asks for labelled rows and there are none
 */
export function rowsToJudgeBy(done: Judged, path: string, options: PruneModelOptions): Promise<Material | NoMaterial> {
  return done.fewer ? rowsOfEach(done, done.fewer, path, options) : rowsOfOriginal(done, options);
}

/** Labelled rows, else rows of the corpus; original and pruned models each with the tokenizer of their folder. */
async function rowsOfEach(
  { original, material }: Judged,
  { sample }: FewerTokens,
  path: string,
  options: PruneModelOptions,
): Promise<Material | NoMaterial> {
  const { dev, seed, maxLength, text, textPair, label, pooling, task } = options;
  const split = material?.dev;
  if (!split && dev === undefined) refuseWithoutRows(options);
  const data = split
    ? { dataset: split.dataset, task: split.task }
    : dev === undefined
      ? { dataset: sample, task: 'feature-extraction' }
      : { data: dev, text, textPair, label, ...(task === undefined ? {} : { task }) };
  const models = [original, readKnownModel(path)];
  const rows = await prepareMaterial(models, { seed, maxLength, pooling, ...data });
  if (!('missing' in rows)) refuseImpossible(rows, options);
  return rows;
}

function refuseWithoutRows({ gates }: PruneModelOptions): void {
  if (!gates.maxDrop && gates.minMetric === undefined) return;
  const flag = gates.maxDrop ? '--max-drop' : '--min-metric';
  throw new UsageError(`${flag}: expected labelled rows to judge by, found none: name a file with --dev`);
}

/** Rows with labels where there are some, else built-in texts. */
async function rowsOfOriginal(
  { original, material }: Judged,
  options: PruneModelOptions,
): Promise<Material | NoMaterial> {
  const { dev, seed, maxLength, text, textPair, label } = options;
  const split = material?.dev;
  if (!split) {
    if (dev === undefined) refuseWithoutRows(options);
    const rows = await prepareMaterial([original], { seed, maxLength, ...(dev === undefined ? {} : { data: dev, text, textPair, label }) }); // prettier-ignore
    if (!('missing' in rows)) refuseImpossible(rows, options);
    return rows;
  }
  const entry = entryOf({ ...split, roles: material.feeding.roles }, original.path.onnxPath, material);
  return { task: taskNamed(split.task), dataset: split.dataset, labelled: true, entries: [entry], notes: [] };
}
