// Plain text: lines as texts; tagged words under the same ending stay tagged words.
import { describe, expect, it } from 'vitest';
import { openDataset } from '../../src/data/open-dataset.ts';
import { writeTemp } from '../support/temp.ts';

describe('plain text', () => {
  it('has a text a line, whatever is in it', async () => {
    const dataset = await openDataset(writeTemp('One\ttwo, "three\r\n\n  \nlabel\nlast', 'wiki.txt'));
    expect(dataset).toMatchObject({ format: 'plain text', columns: { text: 'text' }, total: 3, badRows: 0 });
    const rows = [];
    for await (const row of dataset.rows()) rows.push(row);
    expect(rows).toEqual([
      { line: 1, text: 'One\ttwo, "three' },
      { line: 4, text: 'label' },
      { line: 5, text: 'last' },
    ]);
  });

  it('is not what a CoNLL file of that name is', async () => {
    const dataset = await openDataset(writeTemp('EU B-ORG\nrejects O\n\nGerman B-MISC\ncall O\n', 'eng.txt'));
    expect(dataset.columns.tags).toBeDefined();
  });
});
