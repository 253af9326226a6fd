// JSON documents: lists, SQuAD, objects of lists; taken apart as a stream and compared with JSON.parse.
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { lookAt } from '../../src/data/data-file.ts';
import { itemsOf, type JsonItem } from '../../src/data/json-items.ts';
import { writeTemp } from '../support/temp.ts';
import { failure, read } from './support.ts';

async function items(content: string, chunkBytes?: number): Promise<JsonItem[]> {
  const all: JsonItem[] = [];
  for await (const batch of itemsOf(await lookAt(writeTemp(content, 'x.json'), chunkBytes))) all.push(...batch);
  return all;
}

describe('a document as a stream', () => {
  const indent = fc.constantFrom(undefined, 1, '\t', '\n');
  const chunk = fc.integer({ min: 1, max: 30 });

  it('gives the items of a list as JSON.parse has them', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.jsonValue(), { maxLength: 5 }), indent, chunk, async (list, space, chunkBytes) => {
        const found = await items(JSON.stringify(list, null, space), chunkBytes);
        expect(found.map((item) => [item.key, JSON.parse(item.text)])).toEqual(
          list.map((item) => [undefined, JSON.parse(JSON.stringify(item))]),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('gives the items of an object of lists, and passes over its other fields', async () => {
    const fields = fc.dictionary(fc.string(), fc.oneof(fc.array(fc.jsonValue(), { maxLength: 3 }), fc.jsonValue()), {
      maxKeys: 4,
      noNullPrototype: true,
    });
    await fc.assert(
      fc.asyncProperty(fields, indent, chunk, async (object, space, chunkBytes) => {
        const text = JSON.stringify(object, null, space);
        const lists = Object.entries(JSON.parse(text) as object).filter(([, value]) => Array.isArray(value));
        const found = await items(text, chunkBytes);
        expect(found.map((item) => [item.key, JSON.parse(item.text)])).toEqual(
          lists.flatMap(([key, list]: [string, unknown[]]) => list.map((item) => [key, item])),
        );
      }),
      { numRuns: 150 },
    );
  });

  it('refuses exactly what JSON.parse refuses, but for what is within items', async () => {
    const text = fc.array(fc.constantFrom('[', ']', '{', '}', ',', ':', '"a"', '1', ' ', 'true'), { maxLength: 7 });
    await fc.assert(
      fc.asyncProperty(text, async (parts) => {
        const source = `${parts.join('')} `;
        const parsed = await failure(Promise.resolve(source).then((one): unknown => JSON.parse(one)));
        const found = await failure(items(source).then((all) => all.map((item): unknown => JSON.parse(item.text))));
        const scalar = /^\s*(?:"|true|1)/.test(source); // JSON, but no document with rows
        expect(found === undefined).toBe(parsed === undefined && !scalar);
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['[{"a":1},\n,]', "x.json line 2: expected a JSON value, found ','"],
    ['[1,\n]', "x.json line 2: expected a JSON value, found ']'"],
    ['{"a":[1]\n"b":2}', `x.json line 2: expected ',' or '}', found '"'`],
    ['[1]\n[2]', "x.json line 2: expected the end of the JSON document, found '['"],
    ['[\n"a', 'x.json line 2: expected a JSON value, found the end of the file'],
    ['{"a":\nnul}', 'x.json line 2: expected JSON, found text that is not'],
    ['12', "x.json line 1: expected a JSON list or object, found '1'"],
  ])('says where %j is no JSON', async (content, message) => {
    expect(await failure(items(content, 2))).toMatchObject({ message: expect.stringContaining(message) });
  });
});

describe('lists of rows', () => {
  it('reads objects by key and names those that are none by row', async () => {
    const rows = [{ text: 'a', label: 1 }, 7, { label: 'x', text: 'b', more: null }, { text: ' ', label: 0 }];
    const data = await read('x.json', JSON.stringify(rows, null, 2));
    expect(data).toMatchObject({ format: 'JSON (list)', unit: 'row', columns: { text: 'text', label: 'label' } });
    expect(data.rows).toEqual([
      { line: 1, text: 'a', label: '1' },
      { line: 3, text: 'b', label: 'x' },
    ]);
    expect(data.bad).toEqual([
      { line: 2, reason: 'expected a JSON object, found another value' },
      { line: 4, reason: 'no text' },
    ]);
  });

  it('reads JSON Lines under this name', async () => {
    const data = await read('x.json', '{"text":"a","label":"p"}\n\n{"text":"b","label":"q"}\n');
    expect(data).toMatchObject({ format: 'JSON Lines', unit: 'line' });
    expect(data.rows.map((row) => row.line)).toEqual([1, 3]);
  });

  const pairs = (label: string) => ['one', 'two', 'three', 'four'].map((text) => [`${text} ${label}`, label]);

  it('takes the validation part of an object of lists, or the one that is named', async () => {
    const content = JSON.stringify({ train: pairs('t'), val: [...pairs('v'), ...pairs('w')], oos_val: pairs('o') });
    const data = await read('clinc.json', content);
    expect(data).toMatchObject({
      format: "JSON (list 'val'; others: train, oos_val)",
      columns: { text: '1', label: '2' },
    });
    expect(data.rows).toHaveLength(8);
    expect(data.rows[0]).toEqual({ line: 1, text: 'one v', label: 'v' });
    expect((await read('clinc.json', content, { split: 'oos_val', text: '1', label: '2' })).rows[0]?.label).toBe('o');
    await expect(read('clinc.json', content, { split: 'dev' })).rejects.toThrow(
      /clinc\.json: expected a list 'dev', found lists train, val, oos_val$/,
    );
  });

  it('refuses an object whose lists do not say which one is meant', async () => {
    await expect(read('x.json', '{"en":[{"text":"a"}],"de":[{"text":"b"}]}')).rejects.toThrow(
      /expected a list of rows, or lists of which one is named validation, found lists en, de$/,
    );
    await expect(read('x.json', '{"text":"a","label":1}')).rejects.toThrow(/found none$/);
  });
});

describe('SQuAD', () => {
  // Rajpurkar et al. 2018, as dev-v2.0.json is laid out
  const qa = (question: string, more: object) => ({ question, id: question, ...more });
  const answer = (text: string) => ({ text, answer_start: 0 });
  const squad = {
    version: 'v2.0',
    data: [
      {
        title: 'Normans',
        paragraphs: [
          {
            context: 'The Normans lived in France.',
            qas: [
              qa('Where?', {
                answers: [answer('France'), answer('in France'), answer('France')],
                is_impossible: false,
              }),
              qa('Why?', { answers: [], plausible_answers: [answer('Normans')], is_impossible: true }),
              qa('Who?', { answers: [answer('The Normans')] }),
            ],
          },
          { context: 'Empty.', qas: [qa('', { answers: [answer('x')] }), qa('What?', {}), 3] },
          { context: 'No questions.' },
        ],
      },
      { title: 'nothing' },
    ],
  };

  it.each([undefined, 2])('reads answers, and none where a question is impossible (indent %s)', async (indent) => {
    const data = await read('dev.json', JSON.stringify(squad, null, indent), {}, { chunkBytes: 50 });
    expect(data).toMatchObject({ format: 'SQuAD JSON', unit: 'row' });
    expect(data.columns).toEqual({ text: 'context', textPair: 'question', answers: 'answers' });
    const text = 'The Normans lived in France.';
    expect(data.rows).toEqual([
      { line: 1, text, textPair: 'Where?', answers: ['France', 'in France', 'France'] },
      { line: 2, text, textPair: 'Why?', answers: [] },
      { line: 3, text, textPair: 'Who?', answers: ['The Normans'] },
    ]);
    expect(data.bad.map((bad) => [bad.line, bad.reason.slice(0, 20)])).toEqual([
      [4, 'no second text'],
      [5, 'no answers (a questi'],
      [6, 'expected a question,'],
      [7, 'expected a paragraph'],
      [8, 'expected an article '],
    ]);
  });

  it('reads the flat form of Hugging Face in JSON Lines, and plain answers in CSV', async () => {
    const flat = [
      { id: '1', context: 'C.', question: 'Q?', answers: { text: ['a', 'b'], answer_start: [0, 1] } },
      { id: '2', context: 'C.', question: 'R?', answers: { text: [], answer_start: [] } },
      { id: '3', context: 'C.', question: 'S?', answers: null },
    ];
    const data = await read('flat.jsonl', flat.map((row) => JSON.stringify(row)).join('\n'));
    expect(data.rows.map((row) => row.answers)).toEqual([['a', 'b'], []]);
    expect(data.bad).toEqual([{ line: 3, reason: expect.stringContaining('no answers') }]);
    const csv = await read('flat.csv', 'context,question,answer\nC.,Q?,a\nC.,R?,\n');
    expect(csv.rows).toEqual([{ line: 2, text: 'C.', textPair: 'Q?', answers: ['a'] }]);
    expect(csv.badRows).toBe(1);
  });
});
