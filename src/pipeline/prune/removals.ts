// Rows looked at once for a model: the order in which its heads and neurons go, whatever the number of budgets.
import { sampler } from '../../data/sample.ts';
import { DataError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { macCosts } from '../../passes/prune/costs.ts';
import { probesOf } from '../../passes/prune/probe.ts';
import type { Removal } from '../../passes/prune/removal.ts';
import type { Site } from '../../passes/prune/sites.ts';
import type { Block } from '../../passes/structure/blocks.ts';
import type { KnownModel } from '../known-model.ts';
import type { ChooseContext, ChooseOptions } from './choose.ts';
import { removalsOf } from './importance.ts';
import { maskScores } from './mask-scores.ts';
import { costOf } from './prices.ts';
import type { PruneMaterial } from './set-up.ts';
import { Scratch } from '../learn/training.ts';

/** By model, then by what was looked at. */
const found = new WeakMap<Model, Map<string, { material: PruneMaterial | undefined; made: Promise<Removal[]> }>>();

/** As `removalsOf`, remembered by model, rows and options. Throws DataError. */
export function removalsFor(
  known: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  material: PruneMaterial | undefined,
  options: ChooseOptions,
  context: ChooseContext,
): Promise<Removal[]> {
  const { by, samples, labels, sequence } = options;
  const key = JSON.stringify([by, samples, labels, sequence, context.seed]);
  const own = found.get(known.model) ?? new Map<string, { material: typeof material; made: Promise<Removal[]> }>();
  found.set(known.model, own);
  const before = own.get(key);
  if (before && before.material === material) return before.made;
  const made = removals(known, blocks, sites, material, options, context);
  own.set(key, { material, made });
  return made;
}

async function removals(
  known: KnownModel,
  blocks: readonly Block[],
  sites: readonly Site[],
  material: PruneMaterial | undefined,
  { by, samples, labels = false, sequence }: ChooseOptions,
  context: ChooseContext,
): Promise<Removal[]> {
  const { model, recognition } = known;
  const goal = labels ? material?.goal : undefined;
  if (labels && !goal) throw new DataError('labels: expected labels that the model has, found none');
  const macs = macCosts(blocks, sequence);
  const scratch = new Scratch();
  try {
    const progress = context.events.bar('looking at what matters');
    const costs = sites.map((site) => costOf(macs, site));
    const rows = chosenRows(material, samples, context.seed);
    return await removalsOf(by, {
      model,
      blocks,
      sites,
      goal,
      progress,
      seed: context.seed,
      signal: context.signal,
      costs,
      samples: rows.map(labelled),
      feeding: material?.feeding,
      probes: () => probesOf(recognition, material?.binary ?? false),
      masks: () =>
        maskScores(known, sites, material, { ...context, samples: rows, labels, costs }, scratch, context.events),
      open: (made, name, use) => scratch.with(made, name, context, use),
    });
  } finally {
    scratch.dispose();
  }
}

/** So many rows, chosen with the seed, their labels as the goal takes them. */
export function chosenSamples(
  material: PruneMaterial | undefined,
  count: number,
  seed: number,
): { sequences: PruneMaterial['samples'][number]['sequences']; target: unknown }[] {
  return chosenRows(material, count, seed).map(labelled);
}

function chosenRows(material: PruneMaterial | undefined, count: number, seed: number): PruneMaterial['samples'] {
  const all = material?.samples ?? [];
  const taken = sampler(count, all.length, seed);
  return all.filter(() => taken());
}

function labelled({ sequences, target }: PruneMaterial['samples'][number]): {
  sequences: typeof sequences;
  target: unknown;
} {
  return { sequences, target: target.label };
}
