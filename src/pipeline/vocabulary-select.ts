// Which tokens stay, and why.
import type { Shrinker } from '../data/tokenizer/shrinker.ts';

/** Why a token stays; the first that holds counts. */
export const reasons = [
  'seen in the corpus',
  'special or added',
  'asked for',
  'single characters',
  'needed on the way',
] as const;
export type Reason = (typeof reasons)[number];

export interface Selection {
  /** Old numbers, ascending. */
  readonly kept: Int32Array;
  /** New numbers by old ones. */
  readonly numbers: ReadonlyMap<number, number>;
  readonly counts: Readonly<Record<Reason, number>>;
  /** Tokens of the corpus that go because they come too seldom. */
  readonly rare: number;
}

export interface Wanted {
  /** How often each token comes, by its number. */
  readonly seen: Float64Array;
  /** Least count of a token that stays for its count. */
  readonly least: number;
  /** Tokens that files and graph name. */
  readonly named: Iterable<number>;
  readonly asked: Iterable<number>;
  /** Tokens that WordPiece found in words before they became unknown. */
  readonly tried: Iterable<number>;
}

export function selectTokens(shrinker: Shrinker, tokens: ReadonlyMap<number, string>, wanted: Wanted): Selection {
  const { seen, least } = wanted;
  const why = new Map<number, Reason>();
  const add = (id: number, reason: Reason): void => {
    if (id < seen.length && !why.has(id)) why.set(id, reason);
  };
  let rare = 0;
  seen.forEach((count, id) => {
    if (count >= least) add(id, 'seen in the corpus');
    else if (count > 0) rare++;
  });
  for (const id of wanted.named) add(id, 'special or added');
  for (const id of wanted.asked) add(id, 'asked for');
  for (const [token, id] of shrinker.tokens) if (shrinker.isCharacter(token)) add(id, 'single characters');
  for (const id of wanted.tried) add(id, 'needed on the way');
  for (const id of [...why.keys()])
    for (const passed of shrinker.onTheWay(tokens.get(id) ?? '')) add(passed, 'needed on the way');
  const kept = Int32Array.from(why.keys()).sort();
  const counts = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
  for (const reason of why.values()) counts[reason]++;
  rare -= [...why].filter(([id, reason]) => reason !== 'seen in the corpus' && seen[id]! > 0).length;
  return { kept, numbers: new Map([...kept].map((id, to) => [id, to])), counts, rare };
}
