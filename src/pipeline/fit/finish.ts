// What is its own in the end of a fine-tuning: the configuration of its heads, and what the model is measured beside.
import { basename, join } from 'node:path';
import { taskNamed } from '../../evaluate/registry.ts';
import { openSession } from '../../runtime/session.ts';
import type { CompressionReport } from '../../report/schema.ts';
import type { Events } from '../events.ts';
import { configWith, configWithHeads } from './config.ts';
import { measureTasks, trainedTasks } from './several.ts';
import type { FitPart, FitSetUp } from './set-up.ts';
import { measure, type Measured } from '../measure.ts';
import type { OutputPlan } from '../output.ts';
import type { Made } from '../learn/train-in-place.ts';
import { entryOf, finishTraining, type FinishOptions } from '../learn/trained.ts';
import { sessionOptions, type DevSet, type RunOptions, type Scratch } from '../learn/training.ts';

export type Fitted = Made<FitSetUp>;

export interface FitFinishOptions extends FinishOptions, RunOptions {
  readonly batch: number;
  readonly training: object;
  readonly taskTemperature?: number | undefined;
}

/** Throws ModelError where the written model does not load or run. */
export function finishFit(
  fitted: Fitted,
  options: FitFinishOptions,
  scratch: Scratch,
  events: Events,
): Promise<CompressionReport> {
  const { setUp, result } = fitted;
  const { known, parts } = setUp;
  const [{ name, dev, choice, task }] = parts as [FitPart];
  const several = name !== undefined;
  const settings = { batch: options.batch, ...options.training };
  const trained = {
    ...fitted,
    ...setUp,
    command: 'train' as const,
    original: known,
    model: result.model,
    samples: parts.flatMap(({ samples }) => samples),
    dev: several ? undefined : dev,
    ...(several ? { tasks: trainedTasks(parts) } : {}),
    steps: choice.step ? [choice.step] : [],
    settings: several ? { taskTemperature: options.taskTemperature ?? 1, ...settings } : { task, ...settings },
    notes: [...setUp.notes, ...unnamed(fitted)],
  };
  return finishTraining(trained, options, () => measureAll(fitted, scratch, options, events), events);
}

/** Labels of fresh heads that stand in no configuration. */
function unnamed({ plan, setUp }: Fitted): string[] {
  const fresh = plan.folder === undefined ? setUp.parts.filter(({ choice }) => choice.step) : [];
  return fresh.map(({ name, choice }) => {
    const of = name === undefined ? '' : `${name}: `;
    return `${of}the labels were not written: -o names a file, not a folder; their order is ${choice.labels.join(', ')}`;
  });
}

/** Files of sentence-transformers, which say how tokens become an embedding: nothing for a model with a head. */
const embedding = new Set(['modules.json', 'sentence_bert_config.json', 'config_sentence_transformers.json']);

/** The plan with the heads' labels in the configuration, and without files that say how to embed where the model does not. */
export function withConfig(plan: OutputPlan, { known, parts }: FitSetUp): OutputPlan {
  if (plan.folder === undefined) return plan;
  const [{ task, choice, name: first }] = parts as [FitPart];
  const embeds = task === 'sentence-similarity';
  const copies = plan.copies.filter(([from]) => embeds || !(embedding.has(basename(from)) || /1_Pooling/.test(from)));
  const heads = parts.map(({ name = '', task: of, choice: { output, labels } }) => ({
    name,
    task: of,
    output,
    labels,
  }));
  const given = known.path.config ?? {};
  const config = first === undefined ? configWith(given, task, choice.labels) : configWithHeads(given, heads);
  const texts = new Map([[join(plan.folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`]]);
  return { ...plan, copies, texts };
}

/** Before and after on the dev rows. A fresh head has a before as well: the one that it began with. */
async function measureAll(
  { setUp, staging }: Fitted,
  scratch: Scratch,
  options: FitFinishOptions,
  events: Events,
): Promise<Measured> {
  const { known, parts, trainable, kit, maxLength } = setUp;
  const [{ choice, name, dev }] = parts as [FitPart];
  if (parts.every((part) => !part.dev)) {
    const session = await openSession(staging.path, sessionOptions('the trained model', options));
    await session.release();
    return { found: [{}], notes: ['accuracy was not measured: no rows to judge by (--dev, --split)'] };
  }
  const before = choice.step ? scratch.write(trainable.model) : known.path.onnxPath;
  const { signal: _signal, ...rest } = options;
  const compare = async (rows: DevSet): Promise<Measured> => {
    const entry = entryOf(rows, before, { ...kit, maxLength });
    const entries = [entry, { ...entry, onnxPath: staging.path, name: 'the trained model' }];
    const material = { task: taskNamed(rows.task), dataset: rows.dataset, labelled: true, entries, notes: [] };
    const measured = await measure(entries, material, rest, events);
    // how far the outputs are from those before says nothing of a model that was to change
    return { ...measured, found: measured.found.map(({ parity: _parity, ...found }) => found) };
  };
  return name === undefined ? compare(dev!) : measureTasks(parts, compare);
}
