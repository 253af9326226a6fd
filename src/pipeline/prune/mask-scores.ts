// What units are worth under a penalty: factors on heads and neurons learn to answer as the model does while each costs what it takes.
import { UsageError } from '../../errors.ts';
import type { Builder } from '../../ir/builder.ts';
import { asFloat32, floats } from '../../ir/tensor.ts';
import { withMasks } from '../../passes/prune/masks.ts';
import { groupsOf, type Site } from '../../passes/prune/sites.ts';
import type { Term } from '../../train/distillation.ts';
import { countRows } from '../../train/pieces.ts';
import { learn } from '../distill/distill.ts';
import { matchOn } from '../distill/set-up.ts';
import type { Events } from '../events.ts';
import type { KnownModel } from '../known-model.ts';
import { CacheFolder } from '../learn/cache-folder.ts';
import type { RunOptions, Scratch } from '../learn/training.ts';
import type { PruneMaterial } from './set-up.ts';

export interface MaskOptions extends RunOptions {
  readonly seed: number;
  /** Rows that are learned from. */
  readonly samples: readonly PruneMaterial['samples'][number][];
  /** Whether labels are learned from beside the model's own answers. */
  readonly labels: boolean;
  /** Cost of one unit of each site. */
  readonly costs: readonly number[];
}

/** Passes over the rows, rows a step, and the rate: factors go from 1 to 0 in about a hundred steps. */
const [EPOCHS, BATCH, RATE] = [4, 32, 0.02];

/** Nats for all that the layers cost: about what half of it is worth to a model of two classes. */
const PENALTY = 0.3;

/**
 * Factors of all sites' units after training them alone, weights as they are: the loss is T^2 KL to the model's own answers (cosine of
 * vectors without class scores), plus PENALTY times the share of the cost that sum |m| is. A group lasso with a group for each unit,
 * since one factor stands for all its weights (Liu et al. 2017, Network Slimming, have it on the scales of batch norms).
 * @returns [units] for each site
 * @throws UsageError without rows, ModelError for a model that cannot be trained
 */
export async function maskScores(
  known: KnownModel,
  sites: readonly Site[],
  material: PruneMaterial | undefined,
  options: MaskOptions,
  scratch: Scratch,
  events: Events,
): Promise<Float64Array[]> {
  if (!material) throw new UsageError('--by l1: expected rows to learn from, found none: name a file with --data');
  const { model, masks } = withMasks(known.model, sites);
  const student = { known: { ...known, model }, steps: [], layers: [], sizes: {}, own: false };
  const { first, feeding, maxLength } = material;
  const rows = { ...material, samples: options.samples, dev: undefined };
  const setUp = matchOn({ first, others: [], student, feeding, maxLength, rows }, { hidden: 0, seed: options.seed, ...(options.labels ? {} : { hard: 0 }) }); // prettier-ignore
  const weights = [...new Set(masks)].map((name) => ({ name, decay: false }));
  const trainable = { ...setUp.trainable, model: setUp.trainable.model, weights };
  const terms = [...setUp.terms, penaltyOn(sites, masks, options.costs)];
  const training = { length: { epochs: EPOCHS }, rate: RATE, schedule: { warmup: 0.05 }, clipNorm: Infinity };
  const { result } = await learn(
    { ...setUp, trainable, terms },
    { ...options, training, batch: BATCH },
    new CacheFolder({ cache: 0 }),
    scratch,
    events,
  );
  options.signal?.throwIfAborted();
  const { initializers } = result.model.graph;
  return masks.map((name) => Float64Array.from(asFloat32(initializers.get(name)!), Math.abs));
}

/** Sum over units of cost |m|, over the cost of all; sites that share a mask cost together. */
function penaltyOn(sites: readonly Site[], masks: readonly string[], costs: readonly number[]): Term {
  const all = sites.reduce((sum, { units }, s) => sum + units * costs[s]!, 0);
  return {
    kind: 'penalty',
    weight: PENALTY,
    append(builder: Builder) {
      const sums = groupsOf(sites).map((group) => {
        const cost = group.reduce((sum, s) => sum + costs[s]!, 0) / all;
        const each = builder.tensor(floats([sites[group[0]!]!.units], new Float32Array(sites[group[0]!]!.units).fill(cost))); // prettier-ignore
        const sizes = builder.op('Mul', [builder.op('Abs', [masks[group[0]!]!]), each]);
        return builder.op('ReduceSum', [sizes], { keepdims: 0n });
      });
      return { loss: sums.reduce((a, b) => builder.op('Add', [a, b])), inputs: [], count: countRows };
    },
  };
}
