// Makes fixtures/tickets: a small BERT trained from random weights by this project on text of its own.
//
//     npx tsx scripts/make-fixture.ts [FOLDER]
//
// One seed decides text, weights and batches, so that the same machine writes the same bytes again; on another CPU float
// sums differ in their last bits, and a new model of the same quality results. The vocabulary (WordPiece, 2,048 tokens
// of the grammar's text) is taken from the folder as it stands.
//
// 1. text: scripts/fixture/grammar.ts, other rows to judge by than to train on, both with the same noise;
// 2. model: BERT, 4 layers, hidden 128, FFN 512, 4 heads, 128 positions, opset 17;
// 3. training: cross-entropy of the label, plus that of each token's role by a second head, which is thrown away. From the
//    label alone a model of this size finds both requests of a ticket within minutes, and then takes hours to find out
//    which of them is the main one; the second head shows it where to look. Each ticket is seen once;
// 4. fixtures/MANIFEST.json: SHA-256 and size of each file.
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { datasetOf, type Row } from '../src/data/dataset.ts';
import { loadTokenizer, type Tokenizer } from '../src/data/tokenizer/tokenizer.ts';
import { textClassification } from '../src/evaluate/tasks/text-classification.ts';
import type { Model } from '../src/ir/graph.ts';
import { sweep } from '../src/ir/sweep.ts';
import { batchSource } from '../src/objectives/batch-source.ts';
import { int64Tensor, type Goal, type Sample } from '../src/objectives/goal.ts';
import { writeModel } from '../src/onnx/write.ts';
import { Scratch, trainContext } from '../src/pipeline/learn/training.ts';
import { crossEntropy, weightedSum } from '../src/train/losses.ts';
import { train } from '../src/train/loop.ts';
import { ROLES, startModel } from './fixture/start.ts';
import { LABELS, makeTickets, type Ticket } from './fixture/grammar.ts';

const SEED = 20;
const [TRAIN, KEEP_TRAIN, DEV] = [160_000, 4_000, 1_000];
const [BATCH, RATE, WARMUP] = [64, 8e-4, 200];
const POSITIONS = 128;
const IGNORED = -100;

const fixtures = fileURLToPath(new URL('../fixtures', import.meta.url));
const folder = process.argv[2] ?? join(fixtures, 'tickets');
const inputs = ['input_ids', 'attention_mask', 'token_type_ids'].map((name) => ({
  name,
  dtype: 'int64' as const,
  shape: [null, null],
}));
const roles = { ids: 'input_ids', mask: 'attention_mask', segments: 'token_type_ids' };

/** A ticket's label, and by token the intent where it belongs to the main request, else the number of intents. */
interface Target {
  readonly label: number;
  readonly roles: Int32Array;
}

/** Parts are encoded one by one, which gives the same tokens: they meet at white space and punctuation. */
function sampleOf({ label, meant, segments }: Ticket, tokenizer: Tokenizer): Sample<Target> {
  const { encoding, starts } = tokenizer.encodeWords(
    segments.map(({ text }) => text),
    POSITIONS,
  );
  const byToken = new Int32Array(encoding.ids.length).fill(LABELS.length);
  segments.forEach(({ main }, i) => {
    if (starts[i]! >= 0) byToken.fill(main ? LABELS.indexOf(meant) : LABELS.length, starts[i]);
  });
  return { sequences: [encoding], target: { label: LABELS.indexOf(label), roles: byToken } };
}

const goal: Goal<Target> = {
  task: 'text-classification',
  sample: () => {
    throw new Error('samples are made of tickets');
  },
  feeds({ size, sequence }, targets) {
    const values = new Int32Array(size * sequence).fill(IGNORED);
    targets.forEach((target, row) => values.set(target.roles, row * sequence));
    const labels = targets.map(({ label }) => label);
    return { feeds: { labels: int64Tensor([size], labels), roles: int64Tensor([size, sequence], values) } };
  },
  appendLoss(builder) {
    const label = crossEntropy(builder, 'logits', 'labels', { classes: LABELS.length });
    const role = crossEntropy(builder, ROLES, 'roles', { classes: LABELS.length + 1 });
    return {
      loss: weightedSum(builder, [
        [label, 1],
        [role, 1],
      ]),
      inputs: [
        { name: 'labels', dtype: 'int64', shape: ['batch'] },
        { name: 'roles', dtype: 'int64', shape: ['batch', 'sequence'] },
      ],
      parts: { label, role },
    };
  },
};

function writeTsv(name: string, tickets: readonly Ticket[]): void {
  const lines = tickets.map(({ text, label }) => `${text}\t${label}\n`);
  writeFileSync(join(folder, name), `text\tlabel\n${lines.join('')}`);
}

async function trained(tickets: readonly Ticket[], dev: readonly Ticket[]): Promise<Model> {
  const tokenizer = await loadTokenizer(join(fixtures, 'tickets'));
  const padding = { padId: tokenizer.padId, padSide: tokenizer.padSide };
  const samples = tickets.map((ticket) => sampleOf(ticket, tokenizer));
  const rows = dev.map(({ text, label }, i): Row => ({ line: i + 2, text, label }));
  const dataset = datasetOf(rows, { path: 'dev.tsv', format: 'TSV', columns: { text: 'text', label: 'label' } });
  const run = textClassification.begin({
    path: dataset.path,
    tokenizer,
    maxLength: POSITIONS,
    labels: LABELS,
    pooling: 'given',
    seed: SEED,
  });
  const scratch = new Scratch();
  const log = (line: string): void => console.log(`${new Date().toISOString()} ${line}`);
  try {
    const { model, weights } = startModel({
      vocabulary: tokenizer.vocabularySize,
      positions: POSITIONS,
      labels: LABELS.length,
      seed: SEED,
    });
    const result = await train(
      { model, weights, appendLoss: goal.appendLoss },
      batchSource(samples, goal, { inputs, roles, fixed: {}, ...padding }, { batch: BATCH, seed: SEED }),
      { length: { epochs: 1 }, rate: RATE, schedule: { warmup: WARMUP }, evaluate: { everyEpochs: 0.125 } },
      trainContext(
        scratch,
        { task: 'text-classification', dataset, run, roles, padding, labels: LABELS, pooling: 'given' },
        { threads: 1 },
        { log, bar: () => (done, total, note) => void (done % 50 === 0 && log(`step ${done} of ${total}: ${note}`)) },
      ),
    );
    log(`${result.steps} steps in ${result.seconds.toFixed(0)} s, best ${JSON.stringify(result.best)}`);
    return result.model;
  } finally {
    scratch.dispose();
  }
}

/** The model without the head that only training needs. */
function finished(model: Model): Model {
  model.graph.outputs = model.graph.outputs.filter(({ name }) => name !== ROLES);
  sweep(model.graph);
  return model;
}

function writeManifest(): void {
  const files = readdirSync(join(fixtures, 'tickets'), { recursive: true, encoding: 'utf8' })
    .map((name) => join(fixtures, 'tickets', name))
    .filter((path) => statSync(path).isFile())
    .toSorted();
  const facts = files.map((path) => {
    const bytes = readFileSync(path);
    const sha256 = createHash('sha256').update(bytes).digest('hex');
    const name = relative(fixtures, path).replaceAll('\\', '/');
    return [name, { sha256, bytes: bytes.length, licence: 'Apache-2.0', made: 'scripts/make-fixture.ts' }];
  });
  writeFileSync(join(fixtures, 'MANIFEST.json'), `${JSON.stringify(Object.fromEntries(facts), null, 2)}\n`);
}

mkdirSync(join(folder, 'onnx'), { recursive: true });
const dev = makeTickets(DEV, SEED + 1);
const tickets = makeTickets(TRAIN, SEED, dev);
writeTsv('dev.tsv', dev);
writeTsv('train.tsv', tickets.slice(0, KEEP_TRAIN));
const path = join(folder, 'onnx/model.onnx');
const model = finished(await trained(tickets, dev));
rmSync(path, { force: true });
writeModel(model, path);
if (folder === join(fixtures, 'tickets')) writeManifest();
