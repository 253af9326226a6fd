// One training step of MiniLM-L6 (batch 64, lengths 16, 32, 64, embeddings frozen) against PyTorch's, and both peak memories.
import { fileURLToPath } from 'node:url';
import { elementCount } from '../src/ir/tensor.ts';
import { createRandom } from '../src/math/random.ts';
import { readModel } from '../src/onnx/read.ts';
import { writeModel } from '../src/onnx/write.ts';
import { openSession } from '../src/runtime/session.ts';
import { crossEntropy } from '../src/train/losses.ts';
import { adamWDefaults } from '../src/train/optimizer.ts';
import { Stepper } from '../src/train/stepper.ts';
import { machineLine, measureProcess, median, noPeers, peer, root, table, work } from './support.ts';

const BATCH = 64;
type Figures = Record<string, { all: number; outside: number }>;

/** Eight steps of each length, as ../shared/peers/torch_step.py has them. */
async function steps(): Promise<Figures> {
  const model = readModel(`${root}../shared/models/minilm-sst2/onnx/model.onnx`);
  const trained = [...model.graph.initializers].filter(
    ([name, { dtype, shape }]) => dtype === 'float32' && elementCount(shape) > 1 && !name.includes('embeddings'),
  );
  let inside = 0;
  const stepper = await Stepper.open(
    {
      model,
      weights: trained.map(([name, { shape }]) => ({ name, decay: shape.length > 1 })),
      appendLoss: (builder) => ({
        loss: crossEntropy(builder, 'logits', 'labels', { classes: 2 }),
        inputs: [{ name: 'labels', dtype: 'int64', shape: ['batch'] }],
      }),
    },
    adamWDefaults,
    {
      async open(graph) {
        writeModel(graph, `${work}train-step.onnx`);
        const session = await openSession(`${work}train-step.onnx`, { memoryPattern: false });
        return {
          async run(feeds, into) {
            const start = performance.now();
            const outputs = await session.run(feeds, into);
            inside = performance.now() - start;
            return outputs;
          },
          release: () => session.release(),
        };
      },
      now: () => performance.now(),
      log: (line) => console.error(line),
    },
  );
  const random = createRandom(0);
  const int64 = (dims: number[], below: number) => ({
    dtype: 'int64' as const,
    dims,
    data: BigInt64Array.from({ length: elementCount(dims) }, () => BigInt(random.below(below))),
  });
  const found: Figures = {};
  for (const length of [16, 32, 64]) {
    const times = { all: [] as number[], outside: [] as number[] };
    for (let i = 0; i < 8; i++) {
      const ids = int64([BATCH, length], 30_000);
      const ones = { ...ids, data: ids.data.map(() => 1n) };
      const feeds = {
        input_ids: ids,
        attention_mask: ones,
        token_type_ids: int64([BATCH, length], 1),
        labels: int64([BATCH], 2),
      };
      const start = performance.now();
      await stepper.step([{ feeds, rows: BATCH }], 1e-4, i);
      const all = performance.now() - start;
      times.all.push(all);
      times.outside.push(all - inside);
    }
    found[length] = { all: median(times.all), outside: median(times.outside) };
  }
  await stepper.release();
  return found;
}

function compare(): void {
  const own = measureProcess(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), 'steps']);
  const ours: Figures = JSON.parse(own.stdout);
  const missing = noPeers('torch, transformers');
  const torch = missing ? [] : peer('torch_step.py').stdout.trim().split('\n');
  const theirs = torch.map((line): { length: number; step_ms: number; peak_mib: number } => JSON.parse(line));
  const rows = Object.entries(ours).map(([length, { all, outside }]) => {
    const step = theirs.find((line) => line.length === Number(length))?.step_ms;
    const ratio = step ? (all / step).toFixed(2) : '–';
    return [length, all.toFixed(0), outside.toFixed(1), step?.toFixed(0) ?? '–', ratio];
  });
  const peak = theirs.at(-1)?.peak_mib;
  console.log(
    `${machineLine()}\n\n${table([['length', 'step, ms', 'of it outside the graph', 'PyTorch, ms', 'ratio'], ...rows])}`,
  );
  console.log(`\npeak memory ${own.peakMib.toFixed(0)} MiB, PyTorch ${peak ?? `not measured: ${missing}`}`);
  const slow = rows.some((row) => Number(row[4]) > 1.3);
  process.exitCode = slow || own.peakMib > (peak ?? Infinity) ? 1 : 0;
}

if (process.argv[2] === 'steps') console.log(JSON.stringify(await steps()));
else compare();
