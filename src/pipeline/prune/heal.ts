// Healing: what is left of the model learns from the original, and from labels where there are some.
import { boundariesOf, outOf } from '../../bert/boundaries.ts';
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { findSparse } from '../../passes/sparsify/sparsify.ts';
import type { GradualSparsity, TrainLength } from '../../train/types.ts';
import { CacheFolder } from '../learn/cache-folder.ts';
import { withoutProjections } from '../distill/finish.ts';
import { matchOn, type MatchingOptions } from '../distill/set-up.ts';
import { learn } from '../distill/distill.ts';
import type { KnownModel } from '../known-model.ts';
import type { ZeroOptions } from './sparsity.ts';
import { withModel, type Pruned, type Work } from './works.ts';
import { trainingOf } from '../learn/trained.ts';
import { Scratch } from '../learn/training.ts';

export interface HealOptions extends Omit<MatchingOptions, 'seed'> {
  readonly length: TrainLength;
  readonly rate: number;
  /** Rows a step. */
  readonly batch: number;
  /** Zeros that come on the way. */
  readonly gradual?: ZeroOptions | undefined;
}

/** Share of the steps until the rate is highest. */
const WARMUP = 0.1;

/**
 * Distillation from the original. No rows to judge by are looked at on the way: the last model is the one that stays.
 * An interruption ends the training, not the work.
 * Throws UsageError without rows to learn from, ModelError for a model that cannot be trained.
 */
export function heal({ length, rate, batch, gradual, ...matching }: HealOptions): Work {
  return async (before, { original, material, options, interrupted, events }) => {
    if (interrupted) return before;
    if (!material) throw new UsageError('healing: expected --data with texts to learn from, found none');
    const started = performance.now();
    const { seed } = options;
    const pairs = before.shape.origins.map(({ output }, i) => [i, output] as const);
    const outputs = outputsOf(original, before);
    const student = { known: before.known, steps: [], layers: pairs, sizes: {}, own: false, outputs };
    const { first, feeding, maxLength } = material;
    const rows = { ...material, dev: undefined };
    const setUp = matchOn({ first, others: [], student, feeding, maxLength, rows }, { ...matching, seed });
    const training = {
      length,
      rate,
      schedule: { warmup: WARMUP },
      keepZeros: before.sparse,
      gradual: gradual && scheduleOf(before.known.model, gradual),
    };
    const scratch = new Scratch();
    try {
      const { result } = await learn(
        setUp,
        { ...options, training, batch, seed },
        new CacheFolder({ cache: 0 }),
        scratch,
        events,
      );
      if (result.stopped === 'interrupted' && result.steps === 0) options.signal?.throwIfAborted();
      const step = {
        pass: 'heal',
        options: { ...setUp.weights, rate, batch, ...length },
        changed: true,
        stats: { rows: setUp.samples.length, steps: result.steps },
        skipped: [],
        seconds: (performance.now() - started) / 1000,
      };
      const notes = result.stopped === 'interrupted' ? [`healing was interrupted after ${result.steps} steps`] : [];
      const healed = withModel(before, withoutProjections(result.model), step, notes);
      return { ...healed, training: trainingOf({ ...setUp, result }), unhealed: before.known.model };
    } finally {
      scratch.dispose();
    }
  };
}

/** Values keep their names when a model is pruned; what is now the last layer took over the name of the original's end. */
function outputsOf({ model, recognition }: KnownModel, { known, shape }: Pruned): string[] {
  const cut = boundariesOf(model.graph, recognition.encoders[0]!);
  if (typeof cut === 'string') return [];
  const made = new Set(known.model.graph.nodes.flatMap((node) => node.outputs));
  return shape.origins.flatMap(({ output }) => {
    const name = outOf(cut, output);
    return name !== undefined && made.has(name) ? [name] : (cut.out ?? []);
  });
}

function scheduleOf(model: Model, zeros: ZeroOptions): GradualSparsity {
  const { targets } = findSparse(model, { ...zeros, method: 'magnitude' });
  return { of: targets.map(({ name }) => name), share: zeros.sparsity! };
}
