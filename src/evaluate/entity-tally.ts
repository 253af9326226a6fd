// The sums of token classification: entities per sentence and per type, words, and what the user should know.
import { entityScores, sharedEntities, type Entity, type EntityCounts } from '../math/statistics-entities.ts';
import { Growing } from './growing.ts';
import type { TagSet } from './tags.ts';
import type { Example, Outcome, Tally } from './task.ts';

export interface TaggedGold {
  readonly words: readonly string[];
  /** [words]: the model's label, or -1 where it has none of that name but the type is known. */
  readonly ids: Int32Array;
  readonly entities: readonly Entity[];
}

/** Logits at the first token of every word that has one. */
export interface WordLogits {
  readonly rows: readonly Float32Array[];
  /** [words]: the word's place among the rows, or -1 where truncation cut it off or it has no token. */
  readonly places: Int32Array;
}

export interface Tagging extends WordLogits {
  /** [words]: the label of the largest logit, the first of equals; -1 for a word without logits. */
  readonly ids: Int32Array;
  /** A word without logits is outside; a sentence with NaN or infinity has no entities. */
  readonly entities: readonly Entity[];
  readonly finite: boolean;
}

type Counts = { -readonly [K in keyof EntityCounts]: number };

/**
 * Counts of every sentence are kept (three numbers), so that F1 of a resample is exact. A sentence is right, for
 * McNemar's test, where its entities are exactly those of the data.
 */
export class EntityTally implements Tally<TaggedGold, Tagging> {
  readonly #tags: TagSet;
  /** The label 'O', which a word without logits counts as; -1 where the model has none. */
  readonly #outside: number;
  readonly #maxLength: number;
  /** [sentences, 3]: entities in both, predicted, gold. */
  readonly #sentences = new Growing(Int32Array);
  readonly #correct = new Growing(Uint8Array);
  readonly #types = new Map<string, Counts>();
  /** How many labels the model has; 0 until a word had logits. */
  #labels = 0;
  #confusion = new Float64Array(0);
  #words = 0;
  #rightWords = 0;
  #cut = 0;
  #otherPlace = 0;
  #nonFinite = 0;

  constructor(tags: TagSet, outsideId: number, maxLength: number) {
    this.#tags = tags;
    this.#outside = outsideId;
    this.#maxLength = maxLength;
  }

  add({ gold }: Example<TaggedGold>, tagging: Tagging): void {
    const both = sharedEntities(gold.entities, tagging.entities);
    const counts = [both.length, tagging.entities.length, gold.entities.length];
    this.#sentences.append(counts);
    this.#correct.push(tagging.finite && counts.every((count) => count === both.length) ? 1 : 0);
    if (!tagging.finite) this.#nonFinite++;
    this.#addTypes(both, 'both');
    this.#addTypes(tagging.entities, 'predicted');
    this.#addTypes(gold.entities, 'gold');
    this.#addWords(gold, tagging);
  }

  #addTypes(entities: readonly Entity[], as: keyof Counts): void {
    for (const { type } of entities) {
      const counts = this.#types.get(type) ?? { both: 0, predicted: 0, gold: 0 };
      counts[as]++;
      this.#types.set(type, counts);
    }
  }

  #addWords(gold: TaggedGold, { ids, rows, finite }: Tagging): void {
    const labels = (this.#labels ||= rows[0]?.length ?? 0);
    if (this.#confusion.length === 0) this.#confusion = new Float64Array(labels * labels);
    this.#words += ids.length;
    gold.ids.forEach((right, word) => {
      if (ids[word]! < 0) this.#cut++;
      if (right < 0) this.#otherPlace++;
      const said = ids[word]! < 0 ? this.#outside : ids[word]!;
      if (!finite || right < 0 || said < 0) return;
      if (right === said) this.#rightWords++;
      if (labels > 0) this.#confusion[right * labels + said]!++;
    });
  }

  finish(): Outcome {
    const sentences = this.#sentences.finish();
    const all = total([...this.#types.values()]);
    const { precision, recall, f1 } = entityScores(all);
    return {
      samples: sentences.length / 3,
      value: f1,
      secondary: { precision, recall, accuracy: this.#accuracy(), macroF1: this.#macroF1() },
      resampled: (counts) => resampledF1(sentences, counts),
      correct: this.#correct.finish(),
      confusion: this.#confusion,
      nonFinite: this.#nonFinite,
      notes: this.#notes(all),
    };
  }

  /** Share of words with the right tag, sentence without entities or not. */
  #accuracy(): number {
    return this.#words === 0 ? 0 : this.#rightWords / this.#words;
  }

  /** Mean F1 of the types that occur in the data or in predictions (seqeval's average='macro'). */
  #macroF1(): number {
    const scores = [...this.#types.values()].map((counts) => entityScores(counts).f1);
    return scores.length === 0 ? 0 : scores.reduce((sum, score) => sum + score, 0) / scores.length;
  }

  #notes({ gold }: EntityCounts): string[] {
    const notes: string[] = [];
    if (!this.#tags.places) notes.push('tags have no B- or I-: every word but O counts as an entity by itself');
    if (gold === 0) notes.push('the data has no entities: F1 is taken as 0');
    if (this.#cut > 0) {
      notes.push(
        `${this.#cut} of ${this.#words} words have no token within ${this.#maxLength} tokens: they count as O`,
      );
    }
    if (this.#otherPlace > 0) {
      notes.push(
        `${this.#otherPlace} of ${this.#words} tags are no labels of the model, though their types are (IOB1 and IOB2, say): entities are compared by type and words, and accuracy counts such words as wrong`,
      );
    }
    return notes;
  }
}

function total(parts: readonly EntityCounts[]): EntityCounts {
  const sum = { both: 0, predicted: 0, gold: 0 };
  for (const { both, predicted, gold } of parts) {
    sum.both += both;
    sum.predicted += predicted;
    sum.gold += gold;
  }
  return sum;
}

/** F1 of a resample from the counts of its sentences; NaN where it has no entity. */
function resampledF1(sentences: Int32Array, counts: Int32Array): number {
  let both = 0;
  let found = 0;
  for (let i = 0; i < counts.length; i++) {
    both += counts[i]! * sentences[3 * i]!;
    found += counts[i]! * (sentences[3 * i + 1]! + sentences[3 * i + 2]!);
  }
  return (2 * both) / found;
}
