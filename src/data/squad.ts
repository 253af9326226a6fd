// SQuAD 1.1 and 2.0 (Rajpurkar et al. 2016, 2018): articles of paragraphs, each a context with questions and their answers.
import { cellOf } from './cells.ts';
import type { DataFile } from './data-file.ts';
import { isJsonObject, type JsonObject } from './json-file.ts';
import { itemsOf, parseJson } from './json-items.ts';
import type { BadRow, Entry, Table } from './table.ts';

/** True for an item of SQuAD's list `data`. */
export function isArticle(item: unknown): boolean {
  return isJsonObject(item) && Array.isArray(item['paragraphs']);
}

/** A row a question, counted through the file. */
export function squadTable(file: DataFile, key: string | undefined): Table {
  return {
    format: 'SQuAD JSON',
    unit: 'row',
    names: ['context', 'question', 'answers'],
    layout: { text: 0, textPair: 1, answers: 2 },
    read: () => questions(file, key),
  };
}

async function* questions(file: DataFile, key: string | undefined): AsyncGenerator<readonly Entry[]> {
  let row = 0;
  for await (const items of itemsOf(file)) {
    const entries: Entry[] = [];
    for (const item of items.filter((one) => one.key === key)) {
      for (const fields of fieldsOfArticle(parseJson(file.path, item))) {
        entries.push(typeof fields === 'string' ? { line: ++row, reason: fields } : { line: ++row, fields });
      }
    }
    yield entries;
  }
}

/** The fields of each question, or what is wrong with it. */
function* fieldsOfArticle(article: unknown): Generator<Question> {
  const paragraphs = isJsonObject(article) ? article['paragraphs'] : undefined;
  if (!Array.isArray(paragraphs)) return yield 'expected an article with paragraphs, found another value';
  for (const paragraph of paragraphs as readonly unknown[]) {
    if (!isJsonObject(paragraph) || !Array.isArray(paragraph['qas'])) {
      yield 'expected a paragraph with qas, found another value';
      continue;
    }
    const context = cellOf(paragraph['context']);
    for (const qa of paragraph['qas'] as readonly unknown[]) {
      if (isJsonObject(qa)) yield [context, cellOf(qa['question']), answersOf(qa)];
      else yield 'expected a question, found another value';
    }
  }
}

type Question = readonly ReturnType<typeof cellOf>[] | BadRow['reason'];

/** The answers' texts; none where the question is marked as impossible, whatever answers only look plausible. */
function answersOf(qa: JsonObject): ReturnType<typeof cellOf> {
  return qa['is_impossible'] === true ? [] : cellOf(qa['answers']);
}
