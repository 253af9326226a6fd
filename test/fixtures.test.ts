// The fixture is what its script makes: text from the grammar, files as the manifest has them.
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { makeTickets, type Ticket } from '../scripts/fixture/grammar.ts';
import { loadTokenizer } from '../src/data/tokenizer/tokenizer.ts';

const fixtures = fileURLToPath(new URL('../fixtures/', import.meta.url));
const tsv = (tickets: readonly Ticket[]): string =>
  `text\tlabel\n${tickets.map(({ text, label }) => `${text}\t${label}\n`).join('')}`;
const dev = makeTickets(1000, 21);

describe('fixtures/tickets', () => {
  it('has the text of the grammar', () => {
    expect(readFileSync(`${fixtures}tickets/dev.tsv`, 'utf8')).toBe(tsv(dev));
    expect(readFileSync(`${fixtures}tickets/train.tsv`, 'utf8')).toBe(tsv(makeTickets(4000, 20, dev)));
  });

  it('is what the manifest says', () => {
    const manifest = JSON.parse(readFileSync(`${fixtures}MANIFEST.json`, 'utf8')) as Record<string, { sha256: string }>;
    for (const [name, { sha256 }] of Object.entries(manifest))
      expect([
        name,
        createHash('sha256')
          .update(readFileSync(fixtures + name))
          .digest('hex'),
      ]).toEqual([name, sha256]);
  });

  it('is trained on parts of tickets that give the tokens of the whole', async () => {
    const tokenizer = await loadTokenizer(`${fixtures}tickets`);
    for (const { text, segments } of dev) {
      const parts = tokenizer.encodeWords(
        segments.map((segment) => segment.text),
        128,
      );
      expect(parts.encoding.ids).toEqual(tokenizer.encode(text, undefined, 128).ids);
    }
  });
});
