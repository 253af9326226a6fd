// What pruning looks at: the model, rows that say what matters in it, rows to judge by.
import type { ModelConfig } from '../../data/config.ts';
import type { Tokenizer } from '../../data/tokenizer/tokenizer.ts';
import type { Feeding } from '../../objectives/batch-source.ts';
import { readDistillRows, type DistillRows, type RowOptions } from '../distill/rows.ts';
import { teacherFrom, type KnownTeacher } from '../distill/teachers.ts';
import type { KnownModel } from '../known-model.ts';

export interface PruneRowOptions extends Omit<RowOptions, 'data'> {
  readonly data?: string | undefined;
  readonly maxLength?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
}

/** Rows, tokenized, and how they are fed: `samples[i].target.label` is what `goal` takes. */
export interface PruneMaterial extends DistillRows {
  /** The model itself, as what its pruned form learns from. */
  readonly first: KnownTeacher;
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly maxLength: number;
  readonly feeding: Feeding;
}

/** Undefined without --data. Throws UsageError, DataError. */
export async function pruneMaterial(known: KnownModel, options: PruneRowOptions): Promise<PruneMaterial | undefined> {
  const { data } = options;
  if (data === undefined) return undefined;
  const first = await teacherFrom(known, 'the original', options);
  const { tokenizer, config, maxLength, feeding, values, pooling, ownPooling } = first;
  const [head] = values.logits();
  const spans = head?.kind === 'span-logits';
  const plain = pooling === 'given' ? (ownPooling ?? 'mean') : pooling;
  const reader = {
    student: known,
    tokenizer,
    config,
    maxLength,
    scores: head !== undefined,
    spans,
    feeding,
    pooling: plain,
  };
  const rows = await readDistillRows(reader, { ...options, data });
  return { ...rows, first, tokenizer, config, maxLength, feeding };
}
