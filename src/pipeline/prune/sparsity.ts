// Sparsity as a work of pruning: layer by layer, what a layer's weights read measured on the model as it is by then.
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import type { Method, SparsifyOptions } from '../../passes/sparsify/amount.ts';
import { DAMPING, findSparse, sparsifyTargets } from '../../passes/sparsify/sparsify.ts';
import type { Skip } from '../../passes/pass.ts';
import type { Target } from '../../passes/sparsify/targets.ts';
import type { Events } from '../events.ts';
import { withModel, type Work } from './works.ts';
import { chooseTexts, valueSums, type Texts } from './value-sums.ts';
import { Scratch, type RunOptions } from '../learn/training.ts';

export interface Sparsified {
  readonly model: Model;
  readonly changed: boolean;
  readonly stats: Readonly<Record<string, number>>;
  readonly skipped: readonly Skip[];
}

/** How much becomes zero, and where. */
export type ZeroOptions = Omit<SparsifyOptions, 'method'>;

/** Zeros in the weights of attention and feed-forward blocks. Without a rule SparseGPT, or magnitude where there are no texts. */
export function sparsifyTo(asked: ZeroOptions & { readonly method?: Method | undefined }): Work {
  return async (before, { material, options: run, events }) => {
    const started = performance.now();
    const options = { ...asked, method: asked.method ?? (material ? 'sparsegpt' : 'magnitude') };
    const texts = material && {
      encodings: material.samples.flatMap(({ sequences }) => sequences),
      feeding: material.feeding,
    };
    const { model, ...found } = await sparsifyByLayer(before.known.model, options, texts, run, events);
    const seconds = (performance.now() - started) / 1000;
    const step = { pass: 'sparsify', options, ...found, skipped: [...found.skipped], seconds };
    const sparse = findSparse(model, options).targets.map(({ name }) => name);
    return { ...withModel(before, model, step, notesOf(options, found.stats)), sparse };
  };
}

function notesOf(
  { method }: SparsifyOptions,
  { zeros = 0, numbers = 1, weights = 0, texts }: Sparsified['stats'],
): string[] {
  const share = ((100 * zeros) / numbers).toFixed(1);
  const by = `${method}${texts === undefined ? '' : `, from ${texts.toLocaleString('en-US')} texts`}`;
  return [
    `${share} % of the ${numbers.toLocaleString('en-US')} numbers of ${weights} weights are zero (${by}): the file is smaller only where it is compressed, and onnxruntime's CPU kernels are no faster on zeros; --keep-macs makes a model faster`,
    ...(process.versions.zstd === undefined ? ['size under zstd was not measured: needs Node 22.15'] : []),
  ];
}

/**
 * Weights made sparse in the order of the layers. Wanda and SparseGPT see the inputs that the layers before give when they are
 * sparse already, as in the papers.
 * Throws UsageError without texts for a rule that needs them, ModelError for what cannot be made sparse.
 */
export async function sparsifyByLayer(
  input: Model,
  options: SparsifyOptions,
  texts: Texts | undefined,
  run: RunOptions & { readonly seed: number },
  events: Events,
): Promise<Sparsified> {
  const { targets, skipped } = findSparse(input, options);
  const { method } = options;
  if (method !== 'magnitude' && texts === undefined)
    throw new UsageError(
      `--sparsity-by ${method}: expected texts, found none: name them with --data, or use magnitude`,
    );
  const chosen = texts && chooseTexts(texts, run.seed);
  const context = { log: events.log, ...(run.signal ? { signal: run.signal } : {}) };
  const bar = events.bar('sparsifying');
  const stats: Record<string, number> = {};
  let [model, done, changed] = [input, 0, false];
  const scratch = new Scratch();
  try {
    for (const stage of stagesOf(targets)) {
      const measured =
        method === 'magnitude' ? undefined : await inputSums(model, stage, method, chosen!, { ...run, scratch });
      const progress = (part: number): void => bar(done + part, bytesOf(targets));
      const found = sparsifyTargets(model, stage, options, measured?.sums ?? new Map(), { ...context, progress });
      model = found.model;
      changed ||= found.changed;
      done += bytesOf(stage);
      for (const [name, value] of Object.entries(found.stats)) stats[name] = sumOrMost(name, stats[name], value);
      if (measured) Object.assign(stats, { texts: chosen!.encodings.length, tokens: measured.tokens });
    }
  } finally {
    scratch.dispose();
  }
  return { model, changed, stats, skipped };
}

/** For each value that the weights are multiplied with: squares by feature for Wanda, products X^T X for SparseGPT. */
function inputSums(
  model: Model,
  stage: readonly Target[],
  method: 'wanda' | 'sparsegpt',
  texts: Texts,
  run: Parameters<typeof valueSums>[4],
): ReturnType<typeof valueSums> {
  const widths = new Map(stage.flatMap(({ inputs, columns }) => inputs.map((value) => [value, columns] as const)));
  return valueSums(model, widths, method === 'wanda' ? 'squares' : 'products', texts, run);
}

function bytesOf(targets: readonly Target[]): number {
  return targets.reduce((sum, { tensor }) => sum + tensor.byteLength, 0);
}

function sumOrMost(name: string, before = 0, value: number): number {
  return name === DAMPING ? Math.max(before, value) : before + value;
}

/** Weights that are made sparse together: those of a layer. */
function stagesOf(targets: readonly Target[]): Target[][] {
  const layers = new Map<number, Target[]>();
  for (const target of targets) layers.set(target.layer, [...(layers.get(target.layer) ?? []), target]);
  return [...layers.entries()].sort(([a], [b]) => a - b).map(([, stage]) => stage);
}
