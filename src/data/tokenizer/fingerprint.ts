// A hash of what decides the ids of a tokenizer, so that two copies of it written by different programs compare equal.
import { createHash } from 'node:crypto';
import { isJsonObject, stringField, type JsonObject } from '../json-file.ts';
import type { Templates } from './template.ts';

/** Fields of tokenizer.json that decide the ids; the post-processor counts by its templates. */
const deciding = ['added_tokens', 'normalizer', 'pre_tokenizer', 'model'] as const;

/** SHA-256, as hexadecimal digits. */
export function fingerprintOf(json: JsonObject, config: JsonObject, templates: Templates): string {
  const hash = createHash('sha256');
  for (const field of deciding) hash.update(`${field}:${canonical(json[field])}\n`);
  hash.update(canonical(templates));
  if (stringField(config, 'truncation_side') === 'left') hash.update('left');
  return hash.digest('hex');
}

/**
 * JSON with sorted keys and without nulls. Merges of BPE count as the pairs they are, whether written as "a b" or as
 * ["a", "b"] (tokenizers before and after 0.20).
 */
function canonical(value: unknown, field = ''): string {
  if (Array.isArray(value)) {
    if (field === 'merges') return canonical(value.map((merge) => (Array.isArray(merge) ? merge.join(' ') : merge)));
    return `[${value.map((one) => canonical(one)).join()}]`;
  }
  if (!isJsonObject(value)) return JSON.stringify(value ?? null);
  const keys = Object.keys(value).filter((key) => value[key] !== null);
  return `{${keys
    .toSorted()
    .map((key) => `${JSON.stringify(key)}:${canonical(value[key], key)}`)
    .join()}}`;
}
