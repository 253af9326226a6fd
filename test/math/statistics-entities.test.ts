import { describe, expect, it } from 'vitest';
import {
  entitiesOf,
  entityScores,
  readTag,
  sharedEntities,
  tellPlaces,
  type Entity,
  type EntityCounts,
} from '../../src/math/statistics-entities.ts';
import vectors from './entity-vectors.json' with { type: 'json' };

function read(sentences: readonly string[], places: boolean): Entity[][] {
  return sentences.map((line) => entitiesOf(line.split(' ').map((name) => readTag(name, places))));
}

/** Counts over all sentences, of one type or of all. */
function count(gold: Entity[][], predicted: Entity[][], of?: string): EntityCounts {
  const wanted = (entities: Entity[]): Entity[] => entities.filter(({ type }) => of === undefined || type === of);
  const sum = (parts: number[]): number => parts.reduce((total, part) => total + part, 0);
  return {
    both: sum(gold.map((entities, i) => sharedEntities(wanted(entities), wanted(predicted[i]!)).length)),
    predicted: sum(predicted.map((entities) => wanted(entities).length)),
    gold: sum(gold.map((entities) => wanted(entities).length)),
  };
}

interface Texts {
  readonly gold: readonly string[];
  readonly predicted: readonly string[];
}

function readBoth(set: Texts): { gold: Entity[][]; predicted: Entity[][]; types: string[] } {
  const places = tellPlaces([...set.gold, ...set.predicted].flatMap((line) => line.split(' ')));
  const [gold, predicted] = [read(set.gold, places), read(set.predicted, places)];
  const types = [...new Set([...gold, ...predicted].flat().map(({ type }) => type))];
  return { gold, predicted, types };
}

describe('entities', () => {
  const byScript = vectors.sets.filter(({ conlleval }) => conlleval !== undefined);
  it.each(byScript)('are counted as by conlleval.pl: $name', ({ conlleval, ...set }) => {
    const { gold, predicted, types } = readBoth(set);
    const scores = entityScores(count(gold, predicted));
    const { both, predicted: found, gold: there, precision, recall, f1 } = conlleval!;
    expect(count(gold, predicted)).toEqual({ both, predicted: found, gold: there });
    expect(100 * scores.precision).toBeCloseTo(precision, 5);
    expect(100 * scores.recall).toBeCloseTo(recall, 5);
    expect(100 * scores.f1).toBeCloseTo(f1, 5);
    const byType: Readonly<Record<string, number>> = conlleval!.types;
    expect(types.toSorted()).toEqual(Object.keys(byType).toSorted());
    for (const type of types) {
      expect(100 * entityScores(count(gold, predicted, type)).f1).toBeCloseTo(byType[type]!, 5);
    }
  });

  const byLibrary = vectors.sets.filter(({ seqeval }) => seqeval !== undefined);
  it.each(byLibrary)('are found and scored as by seqeval: $name', ({ seqeval, ...set }) => {
    const { gold, predicted, types } = readBoth(set);
    const found = predicted.map((entities) =>
      entities.map(({ type, first, last }) => `${type} ${first} ${last}`).join(', '),
    );
    expect(found).toEqual(seqeval!.entities);
    const scores = entityScores(count(gold, predicted));
    expect(scores.precision).toBeCloseTo(seqeval!.precision, 12);
    expect(scores.recall).toBeCloseTo(seqeval!.recall, 12);
    expect(scores.f1).toBeCloseTo(seqeval!.f1, 12);
    const each = types.map((type) => entityScores(count(gold, predicted, type)).f1);
    const macro = each.reduce((sum, f1) => sum + f1, 0) / Math.max(1, each.length);
    expect(macro).toBeCloseTo(seqeval!.macroF1, 12);
  });
});

describe('names of tags', () => {
  it('reads BILOU and BMEW as BIOES', () => {
    const [bioes, bilou, bmew] = read(
      ['B-x I-x E-x S-y O B-y E-y S-x S-x', 'B-x I-x L-x U-y O B-y L-y U-x U-x', 'B-x M-x E-x W-y O B_y E_y S-x W-x'],
      true,
    );
    expect(bilou).toEqual(bioes);
    expect(bmew).toEqual(bioes);
    expect(bioes).toHaveLength(5);
  });

  it('takes names without a place for outside among those with one', () => {
    expect(['O', 'X', '[CLS]', 'B-PER'].map((name) => readTag(name, true).place)).toEqual(['O', 'O', 'O', 'B']);
  });

  it('tells tags with places from plain names', () => {
    expect(tellPlaces(['O', 'I-PER', 'PAD'])).toBe(true);
    expect(tellPlaces(['O', 'B', 'I'])).toBe(true);
    expect(tellPlaces(['LABEL_0', 'LABEL_1'])).toBe(false);
    expect(tellPlaces(['NOUN', 'VERB', 'O'])).toBe(false);
    expect(tellPlaces(['O'])).toBe(false);
    expect(tellPlaces([])).toBe(false);
  });
});
