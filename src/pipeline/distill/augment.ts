// Augmentation within a distillation: the set-up with variants of its texts, made once and kept on disk.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, renameSync, rmSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { UsageError } from '../../errors.ts';
import { onnxruntimeVersion } from '../../runtime/machine.ts';
import { variantsOf, type AugmentOptions, type Text, type Variant } from '../../objectives/augment.ts';
import type { CacheFolder } from '../learn/cache-folder.ts';
import type { DistillSample } from './rows.ts';
import type { DistillSetUp } from './set-up.ts';
import type { Events } from '../events.ts';
import { readKnownModel } from '../known-model.ts';
import { fillsMasks, openFiller, type MaskFiller } from './mask-filler.ts';
import { hashOf } from './open-teacher.ts';
import type { RunOptions, Scratch } from '../learn/training.ts';
import { VariantFile, writeVariants } from './variant-file.ts';

export interface AugmentChoice {
  /** Variants a text; none by default. */
  readonly augment?: number | undefined;
  /** A model that fills masks; default the teacher where it does. */
  readonly augmentWith?: string | undefined;
  /** How likely a word is replaced; default 0.4, TinyBERT's p_t. */
  readonly augmentShare?: number | undefined;
  /** Among how many likely words one is chosen; default 15, TinyBERT's K. */
  readonly augmentTop?: number | undefined;
  /** Whether variants keep the labels of their texts. */
  readonly augmentLabels?: boolean | undefined;
}

export interface Augmented {
  readonly setUp: DistillSetUp;
  /** Of the variants; '' for none. */
  readonly identity: string;
  close(): void;
}

/** Options that nothing could be done with are refused before anything is. Throws UsageError. */
export function refuseAugment(
  { teacher, goal, data }: Pick<DistillSetUp, 'teacher' | 'goal' | 'data'>,
  { augment = 0, augmentWith, augmentShare = 0.4, augmentTop = 15, augmentLabels = false }: AugmentChoice,
): void {
  const whole = (flag: string, value: number, least: number): void => {
    if (!Number.isInteger(value) || value < least)
      throw new UsageError(`--${flag}: expected a whole number from ${least}, found ${value}`);
  };
  whole('augment', augment, 0);
  whole('augment-top', augmentTop, 1);
  if (!(augmentShare > 0 && augmentShare <= 1))
    throw new UsageError(`--augment-share: expected a share above 0 and up to 1, found ${augmentShare}`);
  if (augment === 0) return;
  if (augmentWith === undefined && !fillsMasks(teacher))
    throw new UsageError(
      '--augment: expected a teacher that fills masks, found one that does not: name a model that does with --augment-with',
    );
  const tagged = data.dataset.columns.tags !== undefined;
  if (goal && augmentLabels && tagged)
    throw new UsageError('--augment-labels: expected labels of texts, found tags of words');
  if (goal && !augmentLabels && goal.unlabelled === undefined)
    throw new UsageError(
      '--augment: expected a loss on labels that can leave texts out, found one that takes all: --augment-labels gives variants the labels of their texts, --hard 0 uses no labels',
    );
}

/** The set-up with variants behind its samples. Throws ModelError, DataError, UsageError; the signal's reason. */
export async function augmented(
  setUp: DistillSetUp,
  options: AugmentChoice & RunOptions & { readonly seed: number; readonly maxLength?: number | undefined },
  cache: CacheFolder,
  scratch: Scratch,
  events: Events,
): Promise<Augmented> {
  const { augment: variants = 0, augmentShare: share = 0.4, augmentTop: most = 15, seed } = options;
  if (variants === 0) return { setUp, identity: '', close: () => {} };
  const known = options.augmentWith === undefined ? setUp.teacher : readKnownModel(options.augmentWith);
  const filler = await openFiller(known, { most, maxLength: options.maxLength }, options, scratch, hashOf);
  try {
    const how = { variants, share, seed };
    const identity = identityOf(setUp.texts, filler, { ...how, most, ep: options.ep });
    const path = await fileOf(setUp.texts, identity, filler, how, { cache, scratch, events });
    const file = new VariantFile(path);
    return {
      setUp: withVariants(setUp, file, options, `${known.path.onnxPath}, p ${share}, the likeliest ${most}`),
      identity,
      close: () => file.close(),
    };
  } finally {
    await filler.close();
  }
}

function identityOf(texts: readonly Text[], { identity }: MaskFiller, how: object): string {
  const hash = createHash('sha256').update(JSON.stringify(['variants', onnxruntimeVersion(), identity, how]));
  for (const { text, textPair } of texts) hash.update(JSON.stringify([text, textPair]));
  return hash.digest('hex');
}

/** The file of the variants: from the cache, else made, and kept there if there is room. */
async function fileOf(
  texts: readonly Text[],
  identity: string,
  filler: MaskFiller,
  how: AugmentOptions,
  { cache, scratch, events }: { cache: CacheFolder; scratch: Scratch; events: Events },
): Promise<string> {
  const folder = cache.left > 0 ? cache.take(identity, 0) : undefined;
  const kept = folder && join(folder, 'variants.jsonl');
  if (kept !== undefined && existsSync(kept)) {
    cache.take(identity, statSync(kept).size);
    return kept;
  }
  const path = scratch.path('variants.jsonl');
  const bar = events.bar('augmenting');
  await writeVariants(
    path,
    counted(variantsOf(texts, filler, how), (row) => bar(row + 1, texts.length)),
  );
  if (kept !== undefined && statSync(path).size <= cache.left) keep(path, kept, cache, identity);
  return path;
}

/** For the next run; this one can do without. */
function keep(path: string, kept: string, cache: CacheFolder, identity: string): void {
  try {
    cache.take(identity, statSync(path).size);
    copyFileSync(path, `${kept}.${process.pid}`);
    renameSync(`${kept}.${process.pid}`, kept);
  } catch {
    rmSync(`${kept}.${process.pid}`, { force: true });
  }
}

async function* counted(variants: AsyncIterable<Variant>, tell: (row: number) => void): AsyncGenerator<Variant> {
  for await (const variant of variants) {
    tell(variant.row);
    yield variant;
  }
}

/** Variants are read and tokenized when a batch has them. */
function withVariants(setUp: DistillSetUp, file: VariantFile, options: AugmentChoice, from: string): DistillSetUp {
  const { samples, texts, goal, tokenizer, maxLength } = setUp;
  const { length } = texts;
  const variants = Array.from({ length: file.length }, (_, i): DistillSample => {
    const label = options.augmentLabels === true ? samples[file.at(i).row]!.target.label : goal?.unlabelled;
    return {
      get sequences() {
        const { text, textPair } = file.at(i).text;
        return [tokenizer.encode(text, textPair, maxLength)];
      },
      target: { row: length + i, label },
    };
  });
  const asked = length * (options.augment ?? 0);
  const doubles = asked - file.length;
  return {
    ...setUp,
    samples: [...samples, ...variants],
    textOf: (row) => (row < length ? texts[row]! : file.at(row - length).text),
    notes: [
      ...setUp.notes,
      `${file.length} variants of ${length} texts were learned from as well (--augment; ${from})${doubles > 0 ? `; ${doubles} more were doubles` : ''}`,
    ],
  };
}
