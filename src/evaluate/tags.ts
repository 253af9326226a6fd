// Between the tags of a data file, the label names of a model, and entities.
import type { Row } from '../data/dataset.ts';
import { readTag, tellPlaces, type Entity, type Tag } from '../math/statistics-entities.ts';
import { labelReader } from './labels.ts';

/** A tag of the data: the model's label, and what it says of its word. */
export interface GoldTag {
  /** -1 for a tag that the model has no label for, but for other words of such an entity. */
  readonly id: number;
  readonly tag: Tag;
}

export interface TagSet {
  /** Whether labels tell the place of a word in an entity (B-, I- …); without, every word is an entity by itself. */
  readonly places: boolean;
  /** What label `id` says of its word. */
  tagOf(id: number): Tag;
  /**
   * Looks a tag up as labels are: by name, without regard to case, as an integer. One that only tells another place
   * in an entity of a type that the model knows is taken too: IOB1 has no B where IOB2 has, and both are BIO.
   * @throws DataError with the line of any other tag
   */
  read(row: Row, name: string): GoldTag;
}

/**
 * @param path the data file, for messages
 * @param names label names in order of the model's ids; with none, every tag must be an integer
 */
export function tagSet(path: string, names: readonly string[]): TagSet {
  const places = tellPlaces(names);
  const tags = names.map((name) => readTag(name, places));
  const known = new Set(names);
  const types = new Set(tags.filter((tag) => tag.place !== 'O').map((tag) => tag.type));
  const idOf = labelReader(path, names);
  const tagOf = (id: number): Tag => tags[id] ?? readTag(String(id), false);
  return {
    places,
    tagOf,
    read(row, name) {
      if (places && !known.has(name)) {
        const tag = readTag(name, true);
        if (tag.place !== 'O' && types.has(tag.type)) return { id: -1, tag };
      }
      const id = idOf(row, name);
      return { id, tag: tagOf(id) };
    },
  };
}

/**
 * Entities as people read them: 'person: Ada Lovelace; location: London'. Where the words of one stand in the sentence
 * more than once, the number of its first word is said too, so that different entities never read alike.
 */
export function showEntities(entities: readonly Entity[], words: readonly string[]): string {
  if (entities.length === 0) return 'no entities';
  const sentence = ` ${words.join(' ')} `;
  const shown = entities.map(({ type, first, last }) => {
    const text = words.slice(first, last + 1).join(' ');
    const again = sentence.indexOf(` ${text} `) !== sentence.lastIndexOf(` ${text} `);
    return `${type === '' ? '' : `${type}: `}${text}${again ? ` (word ${first + 1})` : ''}`;
  });
  return shown.join('; ');
}
