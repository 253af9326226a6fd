// What pruning looks at: the model, rows that say what matters in it, rows to judge by.
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import type { Goal } from '../objectives/goal.ts';
import { feedingOf } from './distill-set-up.ts';
import { readDistillRows, type DistillSample, type RowOptions } from './distill-rows.ts';
import type { KnownModel } from './known-model.ts';
import type { DevSet } from './training.ts';

export interface PruneRowOptions extends Omit<RowOptions, 'data'> {
  readonly data?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
}

/** Rows, tokenized, and how they are fed. */
export interface PruneMaterial {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  readonly feeding: Feeding;
  /** Texts of --data; `target.label` is what `goal` takes. */
  readonly samples: readonly DistillSample[];
  /** What the labels say; undefined where there are none that the model's head has. */
  readonly goal: Goal | undefined;
  readonly dev: DevSet | undefined;
  readonly notes: readonly string[];
}

/** Undefined without --data. Throws UsageError, DataError. */
export async function pruneMaterial(known: KnownModel, options: PruneRowOptions): Promise<PruneMaterial | undefined> {
  const { data } = options;
  if (data === undefined) return undefined;
  const { folder } = known.path;
  const [tokenizer, config, own] = await Promise.all([loadTokenizer(folder), loadConfig(folder), loadPooling(folder)]);
  const feeding = feedingOf(known, tokenizer);
  const maxLength = sequenceLimit({ asked: options.maxLength, fixed: feeding.fixed, config, tokenizer });
  const scores = known.recognition.head.outputs.some(({ kind }) => kind.endsWith('logits'));
  const asked = options.pooling === 'given' ? undefined : options.pooling;
  const reader = { student: known, tokenizer, config, maxLength, scores, feeding, pooling: asked ?? own ?? 'mean' };
  const { samples, goal, dev, notes } = await readDistillRows(reader, { ...options, data });
  return { tokenizer, config, maxLength, feeding, samples, goal, dev, notes };
}
