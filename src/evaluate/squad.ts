// Scores of an answer against the accepted ones, as the scripts of SQuAD 1.1 (Rajpurkar 2016) and 2.0 (2018) give them.

export interface AnswerScores {
  /** 1 where the answer equals an accepted one after normalisation, else 0. */
  readonly exact: 0 | 1;
  /** Largest F1 over the accepted answers of the words that both have. */
  readonly f1: number;
}

/** Python's string.punctuation. */
const punctuation = /[!-/:-@[-`{-~]/g;

/** Between words as Python's \b sees them: letters, numbers and the underscore (gone by then), no combining marks. */
const articles = /(?<![\p{L}\p{N}])(?:a|an|the)(?![\p{L}\p{N}])/gu;

/** What Python's str.split() splits at: white space, and the four separators of ASCII. */
// oxlint-disable-next-line no-control-regex -- they are control characters
const space = /[\p{White_Space}\x1c-\x1f]+/u;

/** The words of an answer: lower case, without punctuation and English articles. */
export function answerWords(answer: string): string[] {
  const plain = answer.toLowerCase().replaceAll(punctuation, '').replaceAll(articles, ' ');
  return plain.split(space).filter((word) => word !== '');
}

/**
 * Scores an answer against all accepted ones, '' being no answer. The two scripts differ in what has no words left
 * after normalisation: 2.0 drops such answers from the accepted ones and takes '' for a question that has none, and two
 * texts without words are equal; in 1.1 their F1 is 0.
 * @param unanswerable true for data in which some questions have no answer, scored as 2.0 does
 */
export function scoreAnswer(answer: string, accepted: readonly string[], unanswerable: boolean): AnswerScores {
  const words = answerWords(answer);
  const lists = accepted.map(answerWords).filter((list) => list.length > 0 || !unanswerable);
  if (lists.length === 0 && unanswerable) lists.push([]);
  const scores = lists.map((list) => scoreWords(words, list, unanswerable));
  return {
    exact: scores.some((score) => score.exact === 1) ? 1 : 0,
    f1: Math.max(0, ...scores.map((score) => score.f1)),
  };
}

function scoreWords(words: readonly string[], accepted: readonly string[], unanswerable: boolean): AnswerScores {
  const exact = words.join(' ') === accepted.join(' ') ? 1 : 0;
  if (words.length === 0 || accepted.length === 0) return { exact, f1: unanswerable ? exact : 0 };
  const left = new Map<string, number>();
  for (const word of accepted) left.set(word, (left.get(word) ?? 0) + 1);
  let same = 0;
  for (const word of words) {
    const count = left.get(word) ?? 0;
    if (count === 0) continue;
    left.set(word, count - 1);
    same++;
  }
  return { exact, f1: (2 * same) / (words.length + accepted.length) };
}
