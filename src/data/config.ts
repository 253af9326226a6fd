// What a model folder's config.json says that matters for measuring: architecture, label names, sizes.
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { integerField, isJsonObject, readJsonObject, stringField, type JsonObject } from './json-file.ts';

export interface ModelConfig {
  /** Class names of the training library, such as BertForSequenceClassification. */
  readonly architectures: readonly string[];
  readonly modelType?: string;
  /** Label names in order of their ids; empty where the config has none. */
  readonly labels: readonly string[];
  /** Longest input in tokens that the position table allows. */
  readonly maxPositions?: number;
  readonly vocabularySize?: number;
  /** 'multi_label_classification', 'regression' … where the config says so. */
  readonly problemType?: string;
  /** Heads of a model that was trained for several tasks, by name (`task_heads`, as `train --task NAME=FILE` writes it). */
  readonly heads?: ReadonlyMap<string, TaskHead>;
}

/** What a config with `task_heads` says of one head. */
export interface TaskHead {
  /** Output of the graph. */
  readonly output: string;
  /** What it says of the head as other configs say of their only one. */
  readonly config: Pick<ModelConfig, 'architectures' | 'labels' | 'problemType'>;
}

/**
 * Reads `config.json` of a model folder; undefined where there is none.
 * @throws DataError where it is no JSON object
 */
export async function loadConfig(folder: string): Promise<ModelConfig | undefined> {
  const path = join(folder, 'config.json');
  return (await exists(path)) ? parseConfig(await readJsonObject(path)) : undefined;
}

/** Takes what is there and has the right type; nothing in a config is required. */
export function parseConfig(json: JsonObject): ModelConfig {
  const architectures = Array.isArray(json['architectures']) ? json['architectures'].map(String) : [];
  const modelType = stringField(json, 'model_type');
  const problemType = stringField(json, 'problem_type');
  const vocabularySize = integerField(json, 'vocab_size');
  const positions = integerField(json, 'max_position_embeddings');
  const heads = headsOf(json['task_heads']);
  const maxPositions = positions === undefined ? undefined : positions - reservedPositions(json, modelType);
  return {
    architectures,
    labels: labelsOf(json),
    ...(modelType === undefined ? {} : { modelType }),
    ...(problemType === undefined ? {} : { problemType }),
    ...(vocabularySize === undefined ? {} : { vocabularySize }),
    ...(maxPositions === undefined || maxPositions < 1 ? {} : { maxPositions }),
    ...(heads.size > 0 ? { heads } : {}),
  };
}

/** Entries without an output are no heads. */
function headsOf(json: unknown): Map<string, TaskHead> {
  const heads = new Map<string, TaskHead>();
  for (const [name, head] of Object.entries(isJsonObject(json) ? json : {})) {
    const output = isJsonObject(head) ? stringField(head, 'output') : undefined;
    if (!isJsonObject(head) || output === undefined) continue;
    const { architectures, labels, problemType } = parseConfig(head);
    heads.set(name, {
      output,
      config: { architectures, labels, ...(problemType === undefined ? {} : { problemType }) },
    });
  }
  return heads;
}

/** RoBERTa and its kin count positions from the padding id + 1, so that the first rows of the table are never used. */
const countFromPadding = ['roberta', 'xlm-roberta', 'camembert', 'longformer', 'mpnet', 'roberta-prelayernorm', 'xmod'];

function reservedPositions(json: JsonObject, modelType: string | undefined): number {
  if (modelType === undefined || !countFromPadding.includes(modelType)) return 0;
  return (integerField(json, 'pad_token_id') ?? 1) + 1;
}

/** Names by id from id2label, else from label2id; ids must be 0, 1, 2 … without a gap, or there are no names. */
function labelsOf(json: JsonObject): string[] {
  const byId = json['id2label'];
  const byName = json['label2id'];
  const pairs: [number, string][] = isJsonObject(byId)
    ? Object.entries(byId).map(([id, name]) => [Number(id), String(name)])
    : isJsonObject(byName)
      ? Object.entries(byName).map(([name, id]) => [Number(id), name])
      : [];
  pairs.sort((a, b) => a[0] - b[0]);
  return pairs.every(([id], i) => id === i) ? pairs.map(([, name]) => name) : [];
}

/** How tokens become the embedding of a text, by sentence-transformers' names. */
export type PoolingMode = 'mean' | 'cls';

/**
 * What `1_Pooling/config.json` of a sentence-transformers folder says; undefined where there is none or it pools in
 * another way.
 * @throws DataError where it is no JSON object
 */
export async function loadPooling(folder: string): Promise<PoolingMode | undefined> {
  const path = join(folder, '1_Pooling', 'config.json');
  if (!(await exists(path))) return undefined;
  const json = await readJsonObject(path);
  if (json['pooling_mode_cls_token'] === true) return 'cls';
  return json['pooling_mode_mean_tokens'] === true ? 'mean' : undefined;
}

function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    () => false,
  );
}
