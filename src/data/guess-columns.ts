// Guesses which columns hold texts, labels, tags and answers: by the names that data sets use, or by what they look like.
import type { Cell, Places, TableRow } from './table.ts';

/** Pairs of columns that data sets use, the first sentence's name before the second's. */
const pairs: readonly (readonly [string, string])[] = [
  ['sentence1', 'sentence2'],
  ['sentence_1', 'sentence_2'],
  ['sentence_a', 'sentence_b'],
  ['question1', 'question2'],
  ['premise', 'hypothesis'],
  ['text_a', 'text_b'],
  ['text1', 'text2'],
  ['text', 'text_pair'],
  ['question', 'sentence'],
  ['question', 'passage'],
  ['query', 'passage'],
  ['query', 'document'],
  ['s1', 's2'],
  ['anchor', 'positive'],
];

/** Columns of words, each a list. */
const words: readonly string[] = ['tokens', 'words', 'token', 'word'];

/** Names of text columns, the most usual first. */
export const texts: readonly string[] = [
  ...'sentence text review content utterance query question comment message tweet title body document input'.split(' '),
  ...pairs.map(([first]) => first),
];

const headers: ReadonlySet<string> = new Set([...texts, ...pairs.flat(), ...words, 'context']);

const classes: readonly string[] =
  'label labels category intent class target sentiment polarity gold_label is_duplicate stars rating y'.split(' ');

const scores: readonly string[] = 'score similarity_score similarity relatedness_score relatedness'.split(' ');

const tagColumns: readonly string[] = 'ner_tags tags ner labels label ner_labels pos_tags upos chunk_tags'.split(' ');

/** A first row is a header when it holds a name that data sets use, and no field is long. */
export function looksLikeHeader(fields: readonly string[]): boolean {
  return fields.every((field) => field.length <= 60) && fields.some((field) => headers.has(field.toLowerCase()));
}

/** By names; the task decides where several columns would do. */
export function guessByName(names: readonly string[], rows: readonly TableRow[], task: string | undefined): Places {
  const lower = names.map((name) => name.toLowerCase());
  const first = (candidates: readonly string[]): number | undefined =>
    candidates.map((name) => lower.indexOf(name)).find((column) => column >= 0);
  if (task === undefined || task === 'question-answering') {
    const [context, question, answers] = [first(['context']), first(['question']), first(['answers', 'answer'])];
    if (context !== undefined && question !== undefined && answers !== undefined) {
      return { text: context, textPair: question, answers };
    }
  }
  if (task === undefined || task === 'token-classification') {
    const [text, tags] = [first(task === undefined ? words : [...words, ...texts]), first(tagColumns)];
    if (text !== undefined && tags !== undefined && (task !== undefined || holdsLists(rows, tags)))
      return { text, tags };
  }
  const label = first(task === 'sentence-similarity' ? [...scores, ...classes] : [...classes, ...scores]);
  const pair = pairs.find(([a, b]) => lower.includes(a) && lower.includes(b));
  const text = pair === undefined ? first([...texts, ...words]) : first([pair[0]]);
  return places({ text, textPair: pair && first([pair[1]]), label });
}

/** Places without those that are undefined. */
export function places(all: { readonly [role in keyof Places]: number | undefined }): Places {
  return Object.fromEntries(Object.entries(all).filter(([, column]) => column !== undefined));
}

function holdsLists(rows: readonly TableRow[], column: number): boolean {
  return rows.some((row) => Array.isArray(row.fields[column]));
}

/**
 * Without a header: the label is the column with the fewest different values, if they repeat and are short or numbers;
 * the texts are the other columns that hold words, in order.
 */
export function guessByContent(rows: readonly TableRow[]): Places {
  const width = rows[0]?.fields.length ?? 0;
  const facts = Array.from({ length: width }, (_, column) => factsOf(rows, column));
  const labels = facts.filter((fact) => fact.short && width > 1).sort((a, b) => a.different - b.different);
  const label = labels[0]?.column;
  const texts = facts.filter((fact) => fact.column !== label && !fact.numbers).map((fact) => fact.column);
  return places({ text: texts[0], textPair: texts.length > 2 ? undefined : texts[1], label });
}

function factsOf(rows: readonly TableRow[], column: number) {
  const values = rows.map((row) => textOfCell(row.fields[column]).trim());
  const numbers = values.every((value) => value !== '' && !Number.isNaN(Number(value)));
  const different = new Set(values).size;
  const short = numbers || (values.every((value) => value.length <= 40) && different <= Math.max(2, values.length / 2));
  return { column, numbers, different, short };
}

/** A cell as one text; the items of a list with spaces between. */
export function textOfCell(cell: Cell): string {
  return typeof cell === 'object' ? cell.join(' ') : (cell ?? '');
}
