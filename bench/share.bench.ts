// Accuracy against unique parameters of minilm-sst2's layers: a basis, one set of weights for groups, and layers dropped, which have as many
// parameters and are faster. `node --import tsx bench/share.bench.ts 0.83,0.67,0.5 5` heals each for five minutes.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { prune } from '../src/prune.ts';
import type { Report } from '../src/report/schema.ts';
import { share } from '../src/share.ts';
import { machineLine, root, table } from './support.ts';

const model = `${root}../shared/models/minilm-sst2`;
const sst2 = `${root}../shared/data/sst2`;
const LAYERS = 6;
const shares = (process.argv[2] ?? '0.83,0.67,0.5,0.33').split(',').map(Number);
const minutes = Number(process.argv[3] ?? 0);
const ways = (process.argv[4] ?? 'basis,weights,layers').split(',');

const scratch = mkdtempSync(join(tmpdir(), 'bert-compress-bench-'));
const common = {
  data: `${sst2}/train.tsv`,
  dev: `${sst2}/dev.tsv`,
  ...(minutes > 0 ? { healMinutes: minutes } : {}),
  shapes: [{ batch: 8, sequence: 128 }],
  output: join(scratch, 'made'),
  force: true,
};
const made: Readonly<Record<string, (keep: number) => Promise<Report>>> = {
  basis: (keepParameters) => share(model, { ...common, keepParameters }),
  weights: (keepParameters) => share(model, { ...common, keepParameters, groups: 'auto' }),
  layers: (keep) => prune(model, { ...common, dropLayers: LAYERS - Math.max(1, Math.floor(keep * LAYERS + 1e-3)) }),
};

const rows: string[][] = [];
try {
  for (const keep of shares)
    for (const way of ways) {
      const { accuracy, parity, latency, output, training } = await made[way]!(keep);
      rows.push([
        String(keep),
        way,
        (100 * accuracy!.after).toFixed(2),
        (100 * parity!.agreement!).toFixed(1),
        parity!.kl!.toFixed(4),
        (output!.bytes / 1e6).toFixed(1),
        latency![0]!.speedup.toFixed(2),
        String(training?.steps ?? 0),
      ]);
      console.error(rows.at(-1)!.join(' | '));
    }
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
const healed = minutes > 0 ? `healed for ${minutes} minutes each` : 'not healed';
console.log(`${machineLine()}\n\nminilm-sst2 on SST-2 dev, ${healed}; speed at 8 x 128\n`);
console.log(table([['kept', 'by', 'accuracy', 'agreement, %', 'KL, nats', 'MB', 'speed', 'steps'], ...rows]));
