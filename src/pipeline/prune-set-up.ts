// What pruning looks at: the model, rows that say what matters in it, rows to judge by.
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { sequenceLimit } from '../evaluate/evaluate.ts';
import type { Pooling } from '../evaluate/pooling.ts';
import type { Feeding } from '../objectives/batch-source.ts';
import { feedingOf } from './distill-set-up.ts';
import { readDistillRows, type DistillRows, type RowOptions } from './distill-rows.ts';
import type { KnownModel } from './known-model.ts';

export interface PruneRowOptions extends Omit<RowOptions, 'data'> {
  readonly data?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
}

/** Rows, tokenized, and how they are fed: `samples[i].target.label` is what `goal` takes. */
export interface PruneMaterial extends DistillRows {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  readonly feeding: Feeding;
  /** Pooling that the model's folder names. */
  readonly own: Pooling | undefined;
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
  const rows = await readDistillRows(reader, { ...options, data });
  return { ...rows, tokenizer, config, maxLength, feeding, own };
}
