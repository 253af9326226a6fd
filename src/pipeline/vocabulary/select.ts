// Which tokens stay, and why.
import type { Shrinker } from '../../data/tokenizer/shrinker.ts';

/** Why a token stays; the first that holds counts. */
export const reasons = [
  'special or added',
  'seen in the corpus',
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
  /** Single characters that stay: all, or those of the corpus. */
  readonly characters: 'all' | 'corpus';
  /** Tokens that WordPiece found in words before they became unknown. */
  readonly tried: Iterable<number>;
}

export function selectTokens(shrinker: Shrinker, tokens: ReadonlyMap<number, string>, wanted: Wanted): Selection {
  const { seen, least } = wanted;
  const why = new Map<number, Reason>();
  const add = (id: number, reason: Reason): void => {
    if (id < seen.length && !why.has(id)) why.set(id, reason);
  };
  for (const id of wanted.named) add(id, 'special or added');
  seen.forEach((count, id) => {
    if (count >= least) add(id, 'seen in the corpus');
  });
  for (const id of wanted.asked) add(id, 'asked for');
  const alphabet = wanted.characters === 'corpus' ? alphabetOf(seen, tokens) : undefined;
  for (const [token, id] of shrinker.tokens) {
    const character = shrinker.characterOf(token);
    if (character !== undefined && alphabet?.has(character) !== false) add(id, 'single characters');
  }
  for (const id of wanted.tried) add(id, 'needed on the way');
  for (const id of why.keys())
    for (const passed of shrinker.onTheWay(tokens.get(id) ?? '')) add(passed, 'needed on the way');
  const kept = Int32Array.from(why.keys()).sort();
  const counts = Object.fromEntries(reasons.map((reason) => [reason, 0])) as Record<Reason, number>;
  for (const reason of why.values()) counts[reason]++;
  const rare = seen.reduce((sum, count, id) => sum + (count > 0 && !why.has(id) ? 1 : 0), 0);
  return { kept, numbers: new Map([...kept].map((id, to) => [id, to])), counts, rare };
}

/** Characters of the tokens that come in the corpus, those that can be typed on any keyboard, and bytes. */
function alphabetOf(seen: Float64Array, tokens: ReadonlyMap<number, string>): Set<string> {
  const alphabet = new Set(['', ...Array.from({ length: 95 }, (_, i) => String.fromCodePoint(0x20 + i))]);
  seen.forEach((count, id) => {
    if (count > 0) for (const character of tokens.get(id) ?? '') alphabet.add(character);
  });
  return alphabet;
}
