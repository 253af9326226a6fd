// What a model folder brings beside the model: tokenizer, configuration, pooling, label names; and whose a candidate takes.
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { loadConfig, loadPooling, type ModelConfig } from '../data/config.ts';
import { loadTokenizer, type Tokenizer } from '../data/tokenizer/tokenizer.ts';
import { UsageError } from '../errors.ts';
import type { Pooling } from '../evaluate/pooling.ts';
import type { KnownModel } from './known-model.ts';

/** What a model folder brings beside the model. */
export interface Kit {
  readonly tokenizer: Tokenizer;
  readonly config: ModelConfig | undefined;
  readonly pooling: Pooling | undefined;
  /** The output to read, where one head of several was asked for. */
  readonly output?: string | undefined;
}

/** What a candidate lacks beside it is the original's: an .onnx file alone is fed as the original is. */
export async function loadKits([original, ...candidates]: readonly KnownModel[]): Promise<readonly Kit[]> {
  const kit = await loadKit(original!);
  const others = candidates.map(async ({ path: { folder } }): Promise<Kit> => {
    if (folder === original!.path.folder) return kit;
    const own = existsSync(join(folder, 'tokenizer.json')) ? await loadTokenizer(folder) : kit.tokenizer;
    const [config, pooling] = [await loadConfig(folder), await loadPooling(folder)];
    return { tokenizer: own, config: config ?? kit.config, pooling: pooling ?? kit.pooling };
  });
  return [kit, ...(await Promise.all(others))];
}

/**
 * Kits for judging models by one head of several: a name in the config's `task_heads`, whose labels then count, or of an output.
 * A candidate that has neither is judged by what it has.
 * @throws UsageError where the original has no such head, or has several and none was named for labelled rows
 */
export function kitsOfHead(
  kits: readonly Kit[],
  models: readonly KnownModel[],
  head: string | undefined,
  labelled: boolean,
): readonly Kit[] {
  const [{ config }, { outputs }] = [kits[0]!, models[0]!];
  const names = [...(config?.heads?.keys() ?? [])];
  if (head === undefined) {
    if (labelled && names.length > 0)
      throw new UsageError(
        `--head: expected one of the model's heads ${names.join(', ')} to judge by, found none named`,
      );
    return kits;
  }
  const known = names.length > 0 ? names : outputs.map(({ name }) => name);
  if (!names.includes(head) && !outputs.some(({ name }) => name === head))
    throw new UsageError(`--head: expected one of ${known.join(', ')}, found '${head}'`);
  return kits.map((kit, i) => kitOfHead(kit, models[i]!, head));
}

function kitOfHead(kit: Kit, { outputs }: KnownModel, head: string): Kit {
  const named = kit.config?.heads?.get(head);
  const output = outputs.find(({ name }) => name === (named?.output ?? head))?.name;
  if (output === undefined) return kit;
  const { problemType: _problem, heads: _heads, ...rest } = kit.config ?? { architectures: [], labels: [] };
  return { ...kit, output, config: named ? { ...rest, ...named.config } : kit.config };
}

async function loadKit({ path }: KnownModel): Promise<Kit> {
  const [tokenizer, config, pooling] = await Promise.all([
    loadTokenizer(path.folder),
    loadConfig(path.folder),
    loadPooling(path.folder),
  ]);
  return { tokenizer, config, pooling };
}

/** The labels a model is counted in, and where their scores stand in its outputs; in order where nothing is said. */
export interface LabelPlaces {
  readonly labels: readonly string[];
  readonly columns?: readonly number[];
}

/** The labels a model is counted in: the original's wherever it has the same in another order, else its own. */
export function labelsBeside(reference: readonly string[], own: readonly string[]): LabelPlaces {
  const columns = reference.map((label) => own.indexOf(label));
  const same = own.length === reference.length && !columns.includes(-1);
  if (!same) return { labels: own };
  return columns.every((column, i) => column === i) ? { labels: reference } : { labels: reference, columns };
}

/** A model that was never told its labels' names (LABEL_0, LABEL_1 …) takes those of the data file. */
export function namesOf(labels: readonly string[], classes: readonly string[] | undefined): readonly string[] {
  const unnamed = labels.every((label, id) => label === `LABEL_${id}`);
  return unnamed && classes !== undefined && (labels.length === 0 || labels.length === classes.length)
    ? classes
    : labels;
}
