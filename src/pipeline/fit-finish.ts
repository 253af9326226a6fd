// What is its own in the end of a fine-tuning: the configuration of its head, and what the model is measured beside.
import { basename, join } from 'node:path';
import { taskNamed } from '../evaluate/registry.ts';
import { openSession } from '../runtime/session.ts';
import type { CompressionReport } from '../report/schema.ts';
import type { Events } from './events.ts';
import { configWith } from './fit-config.ts';
import type { FitSetUp } from './fit-set-up.ts';
import { measure, type Measured } from './measure.ts';
import type { OutputPlan } from './output.ts';
import type { Made } from './train-in-place.ts';
import { entryOf, finishTraining, type FinishOptions } from './trained.ts';
import { sessionOptions, type RunOptions, type Scratch } from './training.ts';

export type Fitted = Made<FitSetUp>;

export interface FitFinishOptions extends FinishOptions, RunOptions {
  readonly batch: number;
  readonly training: object;
}

/** Throws ModelError where the written model does not load or run. */
export function finishFit(
  fitted: Fitted,
  options: FitFinishOptions,
  scratch: Scratch,
  events: Events,
): Promise<CompressionReport> {
  const { setUp, result, plan } = fitted;
  const { known, choice, task } = setUp;
  const unnamed =
    plan.folder === undefined && choice.step
      ? [`the labels were not written: -o names a file, not a folder; their order is ${choice.labels.join(', ')}`]
      : [];
  const trained = {
    ...fitted,
    ...setUp,
    command: 'train' as const,
    original: known,
    model: result.model,
    steps: choice.step ? [choice.step] : [],
    settings: { task, batch: options.batch, ...options.training },
    notes: [...setUp.notes, ...unnamed],
  };
  return finishTraining(trained, options, () => measureBoth(fitted, scratch, options, events), events);
}

/** Files of sentence-transformers, which say how tokens become an embedding: nothing for a model with a head. */
const embedding = new Set(['modules.json', 'sentence_bert_config.json', 'config_sentence_transformers.json']);

/** The plan with the head's labels in the configuration, and without files that say how to embed where the model does not. */
export function withConfig(plan: OutputPlan, { known, task, choice }: FitSetUp): OutputPlan {
  if (plan.folder === undefined) return plan;
  const embeds = task === 'sentence-similarity';
  const copies = plan.copies.filter(([from]) => embeds || !(embedding.has(basename(from)) || /1_Pooling/.test(from)));
  const config = configWith(known.path.config ?? {}, task, choice.labels);
  const texts = new Map([[join(plan.folder, 'config.json'), `${JSON.stringify(config, null, 2)}\n`]]);
  return { ...plan, copies, texts };
}

/** Before and after on the dev rows. A fresh head has a before as well: the one that it began with. */
async function measureBoth(
  { setUp, staging }: Fitted,
  scratch: Scratch,
  options: FitFinishOptions,
  events: Events,
): Promise<Measured> {
  const { dev, known, choice, trainable, kit, maxLength } = setUp;
  if (!dev) {
    const session = await openSession(staging.path, sessionOptions('the trained model', options));
    await session.release();
    return { found: [{}], notes: ['accuracy was not measured: no rows to judge by (--dev, --split)'] };
  }
  const before = choice.step ? scratch.write(trainable.model) : known.path.onnxPath;
  const entry = entryOf(dev, before, { ...kit, maxLength });
  const entries = [entry, { ...entry, onnxPath: staging.path, name: 'the trained model' }];
  const material = { task: taskNamed(dev.task), dataset: dev.dataset, labelled: true, entries, notes: [] };
  const { signal: _signal, ...rest } = options;
  const measured = await measure(entries, material, { ...rest, gates: options.gates }, events);
  // how far the outputs are from those before says nothing of a model that was to change
  return { ...measured, found: measured.found.map(({ parity: _parity, ...found }) => found) };
}
