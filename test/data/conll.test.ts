// Column files: CoNLL-2003's and WNUT17's layouts, by name and by content.
import { describe, expect, it } from 'vitest';
import { read } from './support.ts';

/** The first sentences of CoNLL-2003 (Tjong Kim Sang and De Meulder 2003), in its layout. */
const conll2003 = [
  '-DOCSTART- -X- -X- O',
  '',
  'EU NNP B-NP B-ORG',
  'rejects VBZ B-VP O',
  'German JJ B-NP B-MISC',
  'call NN I-NP O',
  '. . O O',
  '',
  '-DOCSTART- -X- -X- O',
  'Peter NNP B-NP B-PER',
  'Blackburn NNP I-NP I-PER',
  '',
  '',
];

describe('CoNLL', () => {
  it('reads words and the last column, and another where it is named', async () => {
    for (const chunkBytes of [1, 7, 65_536]) {
      const data = await read('eng.conll', conll2003.join('\r\n'), {}, { chunkBytes });
      expect(data).toMatchObject({
        format: 'CoNLL (spaces)',
        unit: 'line',
        columns: { text: '1', tags: '4' },
        badRows: 0,
      });
      expect(data.rows).toEqual([
        {
          line: 3,
          text: 'EU rejects German call .',
          words: ['EU', 'rejects', 'German', 'call', '.'],
          tags: ['B-ORG', 'O', 'B-MISC', 'O', 'O'],
        },
        { line: 10, text: 'Peter Blackburn', words: ['Peter', 'Blackburn'], tags: ['B-PER', 'I-PER'] },
      ]);
    }
    const parts = await read('eng.bio', conll2003.join('\n'), { tags: '2' });
    expect(parts.rows[0]?.tags).toEqual(['NNP', 'VBZ', 'JJ', 'NN', '.']);
    const labelled = await read('eng.bio', conll2003.join('\n'), { label: '2', task: 'token-classification' });
    expect(labelled.rows).toEqual(parts.rows);
  });

  it('keeps a word that begins with #, and passes over comments', async () => {
    const lines = ['# newdoc', '# text = #tag this', '#tag\tB-X', '#\tO', 'this \tO\t', '', '#\tO'];
    const data = await read('tweets.iob', lines.join('\n'));
    expect(data.rows.map((row) => [row.line, row.words])).toEqual([
      [3, ['#tag', '#', 'this ']],
      [7, ['#']],
    ]);
    const multi = await read('multi.conll', '# id 5239d808\tdomain=en\neli _ _ B-PER\n# _ _ O\n\n# id 1\nx _ _ O\n');
    expect(multi.rows.map((row) => row.words)).toEqual([['eli', '#'], ['x']]);
  });

  it('leaves out a sentence with a line that has other columns, by that line', async () => {
    const data = await read('bad.conll', 'a\tO\nb\tO\n\nc\tO\nd\ne\tO\n\nf\tO\n');
    expect(data.rows.map((row) => row.words)).toEqual([['a', 'b'], ['f']]);
    expect(data.bad).toEqual([{ line: 5, reason: 'expected 2 columns, found 1; its sentence is left out' }]);
  });

  it.each(['x.txt', 'x.tsv', 'x.annotated', 'x'])('is recognised by content as %s', async (name) => {
    const data = await read(name, 'a\tO\nb\tB-x\nc\tI-x\n\nd\tO\n');
    expect(data.format).toBe('CoNLL (tabs)');
    expect(data.rows.map((row) => row.tags)).toEqual([['O', 'B-x', 'I-x'], ['O']]);
  });

  it('is not seen in tables that only look a little like it', async () => {
    // no sentence ends; a tag that is none; no word outside of entities
    for (const content of ['a b\tO\nc d\tB-x\n', 'text\tlabel\na\tO\n\nb\tO\n', 'a\tB-x\nb\tI-x\n\nc\tI-x\n']) {
      expect((await read('x.tsv', content)).format).toBe('TSV');
    }
    expect((await read('notes.txt', 'To be or\nnot to be\n')).format).toBe('plain text');
    await expect(read('notes.doc', 'To be or\nnot to be\n')).rejects.toThrow(
      /expected a data file .*, found another ext/,
    );
  });
});

describe('lists of words in JSON Lines', () => {
  it('go with a list of tags by the names that data sets use', async () => {
    const rows = [
      { id: '0', tokens: ['EU', 'rejects'], ner_tags: [3, 0], pos_tags: [1, 2] },
      { id: '1', tokens: ['one'], ner_tags: [] },
      { id: '2', tokens: ['one'], ner_tags: [null] },
      { id: '3', tokens: ['one'], ner_tags: ['O', 'O'] },
    ];
    const content = rows.map((row) => JSON.stringify(row)).join('\n');
    const data = await read('x.jsonl', content);
    expect(data.columns).toEqual({ text: 'tokens', tags: 'ner_tags' });
    expect(data.rows).toEqual([{ line: 1, text: 'EU rejects', words: ['EU', 'rejects'], tags: ['3', '0'] }]);
    expect(data.bad).toEqual([
      { line: 2, reason: 'no tags' },
      { line: 3, reason: 'no tags' },
      { line: 4, reason: 'expected a tag a word, found 1 words and 2 tags' },
    ]);
    const other = await read('x.jsonl', content, { tags: 'pos_tags' });
    expect(other.rows.map((row) => row.tags)).toEqual([['1', '2']]);
  });

  it('may be texts with spaces where the task says so', async () => {
    const data = await read('x.csv', 'sentence,tags\nEU rejects,B-ORG O\nEU,\n', { task: 'token-classification' });
    expect(data.columns).toEqual({ text: 'sentence', tags: 'tags' });
    expect(data.rows).toEqual([{ line: 2, text: 'EU rejects', words: ['EU', 'rejects'], tags: ['B-ORG', 'O'] }]);
    expect(data.bad).toEqual([{ line: 3, reason: 'no tags' }]);
  });

  it('are labels where they stand beside a text', async () => {
    const data = await read(
      'x.jsonl',
      '{"text":"a","labels":["joy","love"]}\n{"text":"b","labels":[]}\n{"text":"c","labels":"joy"}',
    );
    expect(data.rows).toEqual([
      { line: 1, text: 'a', label: 'joy|love', labels: ['joy', 'love'] },
      { line: 2, text: 'b', label: '', labels: [] },
      { line: 3, text: 'c', label: 'joy' },
    ]);
  });
});
