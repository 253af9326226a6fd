// Public data sets from ../shared, read as they are laid out. The counts are what Python's csv, json and str.split give:
// see the lines beside them.
import { expect, it } from 'vitest';
import { readAt } from '../data/support.ts';
import { describeWith, shared } from '../support/shared.ts';

/** How often each label occurs. */
function counts(labels: readonly (string | undefined)[]): Record<string, number> {
  const found: Record<string, number> = {};
  for (const label of labels) found[label ?? ''] = (found[label ?? ''] ?? 0) + 1;
  return found;
}

describeWith('data', 'public data sets', () => {
  it.each([
    ['sst2/dev.tsv', 'TSV', 872],
    ['sst2/train.tsv', 'TSV', 67_349],
    ['banking77/train.csv', 'CSV', 10_003],
    ['banking77/test.csv', 'CSV', 3080],
    ['stsbenchmark/sts-train.csv', 'STS benchmark (tab-separated, no header)', 5749],
    ['stsbenchmark/sts-dev.csv', 'STS benchmark (tab-separated, no header)', 1500],
    ['chnsenticorp/train.tsv', 'TSV', 9600],
    ['chnsenticorp/dev.tsv', 'TSV', 1200],
    ['chnsenticorp/test.tsv', 'TSV', 1200],
    ['wnut17/wnut17train.conll', 'CoNLL (tabs)', 3394],
    ['wnut17/emerging.dev.conll', 'CoNLL (tabs)', 1009],
    ['wnut17/emerging.test.annotated', 'CoNLL (tabs)', 1287],
  ])('%s is %s with %i rows', async (path, format, size) => {
    expect(await readAt(shared(`data/${path}`))).toMatchObject({ format, size, badRows: 0 });
  });

  it('labels are as they should be', async () => {
    // collections.Counter(row['label'] for row in csv.DictReader(open(PATH), delimiter='\t', quoting=csv.QUOTE_NONE))
    expect(counts((await readAt(shared('data/sst2/dev.tsv'))).rows.map((row) => row.label))).toEqual({
      0: 428,
      1: 444,
    });
    // Counter(line.rstrip('\n').split('\t')[1] for line in open(PATH))
    const chinese = await readAt(shared('data/chnsenticorp/dev.tsv'));
    expect(counts(chinese.rows.map((row) => row.label))).toEqual({ positive: 593, negative: 607 });
    // len(set(row[1] for row in csv.reader(open(PATH)))) - 1
    const banking = await readAt(shared('data/banking77/test.csv'));
    expect(new Set(banking.rows.map((row) => row.label)).size).toBe(77);
    // Counter(line.split('\t')[1].strip() for line in open(PATH) if line.strip())
    const tags = (await readAt(shared('data/wnut17/emerging.dev.conll'))).rows.flatMap((row) => row.tags ?? []);
    expect(counts(tags)).toMatchObject({ O: 14_483, 'B-person': 470, 'I-person': 117, 'B-group': 39 });
  });

  it('CLINC150 gives its validation part, or the one named', async () => {
    const path = shared('data/clinc150/data_full.json');
    const data = await readAt(path);
    expect(data).toMatchObject({ size: 3000, format: expect.stringContaining("list 'val'") });
    expect(new Set(data.rows.map((row) => row.label)).size).toBe(150);
    expect(await readAt(path, { split: 'test' })).toMatchObject({ size: 4500 });
  });
});
