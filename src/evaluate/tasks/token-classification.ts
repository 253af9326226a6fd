// Token classification: entities by precision, recall and F1 as conlleval counts them; a word's tag is that of its first token.
import type { Row } from '../../data/dataset.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import { DataError, ModelError } from '../../errors.ts';
import { entitiesOf, outside, sharedEntities, type Tag } from '../../math/statistics-entities.ts';
import { argmax } from '../../math/statistics.ts';
import { EntityTally, type TaggedGold, type Tagging, type WordLogits } from '../entity-tally.ts';
import { chooseLogits } from '../outputs.ts';
import { allFinite } from '../pooling.ts';
import type { SequenceValues } from '../sequence-values.ts';
import { showEntities, tagSet, type TagSet } from '../tags.ts';
import type { Example, Task, TaskContext, TaskRun } from '../task.ts';

export const tokenClassification: Task = {
  name: 'token-classification',
  needs: ['tags'],
  begin: (context) => tagRun(context),
};

function tagRun(context: TaskContext): TaskRun<TaggedGold, WordLogits, Tagging> {
  const { path, tokenizer, maxLength, labels } = context;
  const tags = tagSet(path, labels);
  /** Of the sequences of the window at work: where words begin. */
  const starts = new WeakMap<Encoding, Int32Array>();
  return {
    metric: 'f1',
    classes: 'softmax',
    gold: (row) => goldOf(path, row, tags),
    encode(_, gold) {
      const { encoding, starts: begins } = tokenizer.encodeWords(gold.words, maxLength);
      starts.set(encoding, begins);
      return [encoding];
    },
    outputs: (specs) => [{ ...chooseLogits(specs), per: 'token' }],
    reduce: ([logits], { sequences }) => wordLogits(logits!, starts.get(sequences[0]!)!, labels.length),
    predict: (example, [logits]) => taggingOf(path, example, logits!, tags),
    tally: () => new EntityTally(tags, labels.indexOf('O'), maxLength),
    vectors: ({ rows }) => rows,
    show: ({ entities, finite }, { gold }) => (finite ? showEntities(entities, gold.words) : 'no number'),
    showGold: ({ entities, words }) => showEntities(entities, words),
    loss: ({ gold }, before, after) => entityErrors(gold, after) - entityErrors(gold, before),
  };
}

function goldOf(path: string, row: Row, tags: TagSet): TaggedGold {
  const { words, tags: names } = row;
  if (words === undefined || names === undefined || words.length !== names.length) {
    const found = words === undefined ? 'a text' : `${words.length} words and ${names?.length ?? 0} tags`;
    throw new DataError(`${path} line ${row.line}: expected words with a tag each, found ${found}`);
  }
  const read = names.map((name) => tags.read(row, name));
  return { words, ids: Int32Array.from(read, ({ id }) => id), entities: entitiesOf(read.map(({ tag }) => tag)) };
}

/** @param labels how many the model's config names; 0 where it names none */
function wordLogits({ name, data, width }: SequenceValues, starts: Int32Array, labels: number): WordLogits {
  if (labels > 0 && width !== labels) {
    throw new ModelError(`output '${name}': expected a score for each of ${labels} labels, found ${width}`);
  }
  const rows: Float32Array[] = [];
  const places = starts.map((start) => {
    if (start < 0) return -1;
    return rows.push(data.slice(start * width, (start + 1) * width)) - 1;
  });
  return { rows, places };
}

function taggingOf(path: string, { row, gold }: Example<TaggedGold>, logits: WordLogits, tags: TagSet): Tagging {
  const { rows, places } = logits;
  const labels = rows[0]?.length ?? Infinity;
  const unknown = gold.ids.findIndex((id) => id >= labels);
  if (unknown >= 0) {
    throw new DataError(
      `${path} line ${row.line}: expected one of the model's ${labels} labels, found tag '${row.tags?.[unknown]}'`,
    );
  }
  const finite = rows.every(allFinite);
  const ids = places.map((place) => (place < 0 ? -1 : argmax(rows[place]!)));
  const said = Array.from(ids, (id): Tag => (id < 0 ? outside : tags.tagOf(id)));
  return { ...logits, ids, entities: finite ? entitiesOf(said) : [], finite };
}

/** Entities missed and entities wrongly found; one more where the model gave no numbers. */
function entityErrors(gold: TaggedGold, { entities, finite }: Tagging): number {
  const both = sharedEntities(gold.entities, entities).length;
  return gold.entities.length + entities.length - 2 * both + (finite ? 0 : 1);
}
