// One training step of MiniLM-L6 (batch 64, lengths 16, 32, 64, embeddings frozen) against PyTorch's, in turn, and both peak memories.
import { fileURLToPath } from 'node:url';
import { elementCount } from '../src/ir/tensor.ts';
import { createRandom } from '../src/math/random.ts';
import { readModel } from '../src/onnx/read.ts';
import { writeModel } from '../src/onnx/write.ts';
import { openSession } from '../src/runtime/session.ts';
import { crossEntropy } from '../src/train/losses.ts';
import { countRows } from '../src/train/pieces.ts';
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
        count: countRows,
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
            inside += performance.now() - start;
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
      inside = 0;
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

/** One turn of each; ms a step by length. */
interface Turn {
  readonly ours: Figures;
  readonly theirs: Readonly<Record<string, number>>;
  /** MiB. */
  readonly peaks: readonly [ours: number, theirs: number];
}

function turn(withPeer: boolean): Turn {
  const own = measureProcess(process.execPath, ['--import', 'tsx', fileURLToPath(import.meta.url), 'steps']);
  const lines = withPeer ? peer('torch_step.py').stdout.trim().split('\n') : [];
  const torch = lines.map((line): { length: number; step_ms: number; peak_mib: number } => JSON.parse(line));
  return {
    ours: JSON.parse(own.stdout),
    theirs: Object.fromEntries(torch.map(({ length, step_ms }) => [length, step_ms])),
    peaks: [own.peakMib, torch.at(-1)?.peak_mib ?? Number.NaN],
  };
}

/** Three turns; two where the machine is slow. */
function compare(): void {
  const missing = noPeers('torch, transformers');
  const started = performance.now();
  const turns: Turn[] = [];
  while (turns.length < 2 || (turns.length < 3 && performance.now() - started < 120_000)) turns.push(turn(!missing));
  const rows = Object.keys(turns[0]!.ours).map((length) => {
    const over = (of: (one: Turn) => number): number => median(turns.map(of));
    const ratio = over(({ ours, theirs }) => ours[length]!.all / theirs[length]!);
    const figures = [over(({ ours }) => ours[length]!.all), over(({ ours }) => ours[length]!.outside)];
    const all = [...figures, missing ? Number.NaN : over(({ theirs }) => theirs[length]!)].map((ms) => ms.toFixed(0));
    return { ratio, cells: [length, ...all, ratio.toFixed(2)] };
  });
  const [own, other] = [0, 1].map((side) => Math.max(...turns.map(({ peaks }) => peaks[side]!)));
  const head = ['length', 'step, ms', 'of it outside the graph', 'PyTorch, ms', 'ratio'];
  console.log(`${machineLine()}\n\n${table([head, ...rows.map(({ cells }) => cells)])}`);
  console.log(`\n${turns.length} turns, in turn with PyTorch; medians`);
  console.log(
    `peak memory ${own!.toFixed(0)} MiB, PyTorch ${missing ? `not measured: ${missing}` : other!.toFixed(0)}`,
  );
  process.exitCode = rows.some(({ ratio }) => ratio > 1.3) || own! > other! ? 1 : 0;
}

if (process.argv[2] === 'steps') console.log(JSON.stringify(await steps()));
else compare();
