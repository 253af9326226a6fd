// Is the measurement fair? A model against itself, opened three times: the speedup should be 1, and 95 % of the intervals hold it.
import { measureLatency, type Latency, type Shape } from '../src/evaluate/latency.ts';
import { openSession } from '../src/runtime/session.ts';
import { machineLine, median, root, table } from './support.ts';

const model = `${root}fixtures/tickets/onnx/model.onnx`;
const repeats = 10;

console.log(machineLine());
const rows: (string | number)[][] = [
  ['threads', 'batch x tokens', 'median speedup', 'median distance from 1', 'intervals with 1 in them'],
];
for (const threads of [1, 2]) {
  for (const shape of [
    { batch: 1, sequence: 16 },
    { batch: 8, sequence: 64 },
  ]) {
    const found: Latency[] = [];
    for (let i = 0; i < repeats; i++) found.push(...(await againstItself(threads, shape, i)));
    const holding = found.filter(({ speedupCi95: [low, high] }) => low <= 1 && 1 <= high);
    rows.push([
      threads,
      `${shape.batch} x ${shape.sequence}`,
      median(found.map((row) => row.speedup)).toFixed(3),
      median(found.map((row) => Math.abs(row.speedup - 1))).toFixed(3),
      `${holding.length} of ${found.length}`,
    ]);
  }
}
console.log(`\n${table(rows)}`);

async function againstItself(threads: number, shape: Shape, seed: number): Promise<Latency[]> {
  const models = [];
  for (let i = 0; i < 3; i++) models.push({ session: await openSession(model, { threads }) });
  const results = await measureLatency(models, { shapes: [shape], budgetMs: 1000, seed });
  for (const { session } of models) await session.release();
  return results.flatMap((result) => result.latency);
}
