// Why a model failed, as far as it shows: numbers that are none, labels that look swapped, other tokens, a damaged weight.
import type { Dataset } from '../data/dataset.ts';
import type { Evaluation } from '../evaluate/evaluate.ts';
import type { Entry } from './material.ts';
import type { KnownModel } from './known-model.ts';
import { damagedWeights } from '../evaluate/damaged-weights.ts';
import { swappedLabels } from '../evaluate/swapped-labels.ts';

/** A model as far as a diagnosis looks at it. */
export interface Suspect {
  readonly known: KnownModel;
  readonly entry: Entry;
  readonly evaluation?: Evaluation | undefined;
}

/** One line for each thing that looks wrong with `suspect`; reads the weights of both models. */
export async function diagnose(original: Suspect, suspect: Suspect, dataset: Dataset): Promise<string[]> {
  return [
    ...notNumbers(suspect),
    ...(await otherTokens(original.entry, suspect.entry, dataset)),
    ...otherLabels(original.entry, suspect.entry),
    ...swappedLabels(suspect.evaluation, suspect.entry.labels),
    ...damagedWeights(original.known.model, suspect.known.model),
  ];
}

function notNumbers({ evaluation }: Suspect): string[] {
  if (!evaluation || evaluation.nonFinite === 0) return [];
  return [`the model gives NaN or infinity for ${evaluation.nonFinite} of ${evaluation.samples} examples`];
}

/** Rows whose tokens are compared. */
const looked = 200;

async function otherTokens(original: Entry, suspect: Entry, dataset: Dataset): Promise<string[]> {
  if (original.tokenizer.fingerprint === suspect.tokenizer.fingerprint) return [];
  let [rows, different, first] = [0, 0, 0];
  const idsOf = ({ tokenizer, maxLength }: Entry, text: string): string =>
    tokenizer.encode(text, undefined, maxLength).ids.join(' ');
  for await (const row of dataset.rows()) {
    if (rows++ === looked) break;
    if (idsOf(original, row.text) === idsOf(suspect, row.text)) continue;
    if (different++ === 0) first = row.line;
  }
  if (different === 0) return [];
  const sizes = `${suspect.tokenizer.vocabularySize} tokens in its vocabulary, ${original.tokenizer.vocabularySize} in the original's`;
  return [
    `its tokenizer is another one: it splits ${different} of the first ${Math.min(rows, looked)} texts in another way than the original's, the first on line ${first}; ${sizes}`,
  ];
}

function otherLabels(original: Entry, suspect: Entry): string[] {
  const [before, after] = [original.config?.labels ?? [], suspect.config?.labels ?? []];
  const at = before.findIndex((label, id) => label !== after[id]);
  if (at < 0 || after.length === 0) return [];
  return [`its config.json names other labels: id ${at} is '${after[at] ?? 'none'}', the original's '${before[at]}'`];
}
