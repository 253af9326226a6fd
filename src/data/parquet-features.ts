// Names of classes in a Parquet file that Hugging Face's datasets wrote: its features, kept as JSON beside the schema.
import { isJsonObject } from './json-file.ts';

/**
 * Class names by column, where a column holds numbers that stand for classes, or lists of such.
 * @param metadata the file's own pairs, of which `huggingface` holds `{info: {features: {column: feature}}}`
 */
export function classNames(
  metadata: readonly { readonly key: string; readonly value?: string }[],
  columns: readonly string[],
): Map<number, readonly string[]> {
  const features = featuresOf(metadata.find(({ key }) => key === 'huggingface')?.value);
  const classes = new Map<number, readonly string[]>();
  columns.forEach((name, column) => {
    const names = namesOf(features?.[name]);
    if (names !== undefined) classes.set(column, names);
  });
  return classes;
}

function featuresOf(source: string | undefined): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(source ?? '{}');
    const info = isJsonObject(value) ? value['info'] : undefined;
    const features = isJsonObject(info) ? info['features'] : undefined;
    return isJsonObject(features) ? features : undefined;
  } catch {
    return undefined; // what cannot be read here names nothing; the numbers stay numbers
  }
}

/** `{_type: 'ClassLabel', names}`, or a Sequence, List or JSON list of it. */
function namesOf(feature: unknown): readonly string[] | undefined {
  if (Array.isArray(feature)) return namesOf(feature[0]);
  if (!isJsonObject(feature)) return undefined;
  if (feature['_type'] !== 'ClassLabel') return namesOf(feature['feature']);
  const names = feature['names'];
  return Array.isArray(names) && names.every((name) => typeof name === 'string') ? names : undefined;
}
