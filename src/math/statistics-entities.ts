// Entities in sequences of tags, read and counted as conlleval does (Tjong Kim Sang, CoNLL-2000 and 2003 shared tasks).

/** Where in an entity a word stands: outside, begin, inside, end, or an entity of a single word. */
export type Place = 'O' | 'B' | 'I' | 'E' | 'S';

export interface Tag {
  readonly place: Place;
  /** Type of the entity; empty outside, and where tags are a place alone. */
  readonly type: string;
}

/** Words `first` to `last` of a sentence, both included. */
export interface Entity {
  readonly type: string;
  readonly first: number;
  readonly last: number;
}

/** Entities that two readings of a sentence share, that the model has, and that are right. */
export interface EntityCounts {
  readonly both: number;
  readonly predicted: number;
  readonly gold: number;
}

export interface EntityScores {
  readonly precision: number;
  readonly recall: number;
  readonly f1: number;
}

export const outside: Tag = { place: 'O', type: '' };

/** Letters of IOB1, IOB2, IOE, BIOES, BILOU and BMEW. */
const places: Readonly<Record<string, Place>> = {
  B: 'B',
  I: 'I',
  M: 'I',
  E: 'E',
  L: 'E',
  S: 'S',
  U: 'S',
  W: 'S',
};

const placed = /^([BIMELSUW])[-_](.+)$/s;

/** True where tags of these names tell the place of a word in an entity; false for plain names such as parts of speech. */
export function tellPlaces(names: readonly string[]): boolean {
  return (
    names.some((name) => placed.test(name)) ||
    (names.length > 1 && names.every((name) => name in places || name === 'O'))
  );
}

/**
 * Reads the name of a tag. With places, a name without one ('O', '[CLS]', 'X') is outside; without places every
 * word but 'O' is an entity by itself (conlleval -r).
 */
export function readTag(name: string, withPlaces: boolean): Tag {
  if (!withPlaces) return name === 'O' ? outside : { place: 'S', type: name };
  const [, letter = name, type = ''] = placed.exec(name) ?? [];
  const place = places[letter];
  return place === undefined ? outside : { place, type };
}

/**
 * The entities of a sentence. A word goes on with the entity before it where that was at its begin or inside, the word
 * is inside or at its end, and the types agree; any other word that is not outside begins one. So I at the start, I
 * after another type and E without B begin entities, as in conlleval for IOB1 and IOB2, and in seqeval's default mode,
 * which adds E and S to those rules (conlleval 2004 knows no S and does not end an entity between E and B).
 */
export function entitiesOf(tags: readonly Tag[]): Entity[] {
  const entities: { type: string; first: number; last: number }[] = [];
  let before = outside;
  tags.forEach((tag, word) => {
    const open = before.place === 'B' || before.place === 'I';
    const goesOn = open && (tag.place === 'I' || tag.place === 'E') && tag.type === before.type;
    if (goesOn) entities.at(-1)!.last = word;
    else if (tag.place !== 'O') entities.push({ type: tag.type, first: word, last: word });
    before = tag;
  });
  return entities;
}

/** Entities that are equal in type and both ends; neither list has overlaps. */
export function sharedEntities(gold: readonly Entity[], predicted: readonly Entity[]): Entity[] {
  const byFirst = new Map(gold.map((entity) => [entity.first, entity]));
  return predicted.filter(({ type, first, last }) => {
    const other = byFirst.get(first);
    return other !== undefined && other.last === last && other.type === type;
  });
}

/** Precision, recall and F1 as fractions; where nothing could be divided by, 0 as conlleval prints. */
export function entityScores({ both, predicted, gold }: EntityCounts): EntityScores {
  return {
    precision: predicted === 0 ? 0 : both / predicted,
    recall: gold === 0 ? 0 : both / gold,
    f1: predicted + gold === 0 ? 0 : (2 * both) / (predicted + gold),
  };
}
