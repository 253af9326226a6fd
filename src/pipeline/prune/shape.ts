// What has become of each layer of the original, while the layers that recognition finds get fewer.
import type { KeepPlan } from '../../passes/prune/keep-plan.ts';
import { macCosts } from '../../passes/prune/costs.ts';
import { blocksOf, type Block } from '../../passes/structure/blocks.ts';
import { studentConfig } from '../../passes/student/student-config.ts';
import type { Structure } from '../../report/schema.ts';
import type { KnownModel } from '../known-model.ts';

/** A layer of the original as it is now. */
export interface LayerShape {
  /** Numbers of the heads that are left, as the original counts them. */
  readonly heads: readonly number[];
  /** Neurons that are left, of all its feed-forward blocks. */
  readonly ffn: number;
}

/** Where the blocks of a recognised layer come from: numbers of layers of the original. */
export interface Origin {
  readonly attention: number;
  readonly ffn: readonly number[];
  /** The layer whose output it gives. */
  readonly output: number;
}

export interface ModelShape {
  /** One for each layer of the original. */
  readonly layers: readonly LayerShape[];
  /** One for each layer that recognition finds. */
  readonly origins: readonly Origin[];
}

/** The original itself. */
export function wholeShape(blocks: readonly Block[]): ModelShape {
  return {
    layers: blocks.map(({ attention, ffn }) => ({
      heads: Array.from({ length: attention.heads ?? 0 }, (_, i) => i),
      ffn: ffn.reduce((sum, { width }) => sum + width, 0),
    })),
    origins: blocks.map(({ ffn }, i) => ({ attention: i, ffn: ffn.map(() => i), output: i })),
  };
}

/** After a plan for `blocks`, the layers that are recognised. What is left of a layer without heads is found in the one before, or the first. */
export function shapeAfter({ layers, origins }: ModelShape, blocks: readonly Block[], plan: KeepPlan): ModelShape {
  const after = layers.map((one) => ({ ...one }));
  for (const { ffn } of origins) for (const layer of ffn) after[layer] = { ...after[layer]!, ffn: 0 };
  const left: { encoder: number; attention: number; ffn: number[]; output: number }[] = [];
  let early: number[] = []; // blocks before the first attention of their encoder
  for (const [i, { attention, ffn, output }] of origins.entries()) {
    const kept = plan.layers[i]!;
    const { encoder } = blocks[i]!;
    after[attention] = { ...after[attention]!, heads: kept.heads.map((head) => layers[attention]!.heads[head]!) };
    for (const [j, layer] of ffn.entries())
      after[layer] = { ...after[layer]!, ffn: after[layer]!.ffn + kept.ffn[j]!.length };
    const stays = ffn.filter((_, j) => kept.ffn[j]!.length > 0);
    const before = left.at(-1)?.encoder === encoder ? left.at(-1) : undefined;
    if (kept.heads.length > 0) {
      left.push({ encoder, attention, ffn: [...(before ? [] : early), ...stays], output });
      early = [];
    } else if (before) {
      before.ffn.push(...stays);
      before.output = output;
    } else early.push(...stays);
  }
  return { layers: after, origins: left.map(({ attention, ffn, output }) => ({ attention, ffn, output })) };
}

/** After layers went: `kept` are numbers of recognised ones. */
export function shapeOfLayers({ layers, origins }: ModelShape, kept: readonly number[]): ModelShape {
  const left = kept.map((i) => origins[i]!);
  const stays = new Set(left.flatMap(({ attention, ffn }) => [attention, ...ffn]));
  return { layers: layers.map((one, i) => (stays.has(i) ? one : { heads: [], ffn: 0 })), origins: left };
}

/**
 * The original's config with the sizes of the pruned model. Heads and neurons that differ by layer are written as
 * transformers has it, `pruned_heads`, and as a list, `intermediate_sizes`.
 */
export function prunedConfig(
  config: Readonly<Record<string, unknown>>,
  whole: ModelShape,
  { layers }: ModelShape,
): Record<string, unknown> {
  const kept = [...layers.keys()].filter((i) => layers[i]!.heads.length > 0 || layers[i]!.ffn > 0);
  const left = kept.map((i) => layers[i]!);
  const heads = equal(left.map((one) => one.heads.length));
  const narrower = kept.some((i) => layers[i]!.ffn < whole.layers[i]!.ffn);
  const single = whole.origins.every((origin) => origin.ffn.length === 1);
  const ffn = narrower && single ? equal(left.map((one) => one.ffn)) : undefined;
  const fewer = kept.length < layers.length ? { kept, of: layers.length } : undefined;
  const sized = studentConfig(config, { layers: fewer, heads, ffn });
  const gone = kept.flatMap((layer, i): [string, number[]][] => {
    const lost = whole.layers[layer]!.heads.filter((head) => !layers[layer]!.heads.includes(head));
    return lost.length > 0 ? [[String(i), lost]] : [];
  });
  return {
    ...sized,
    ...(heads === undefined ? { pruned_heads: Object.fromEntries(gone) } : {}),
    ...(narrower && ffn === undefined ? { intermediate_sizes: left.map((one) => one.ffn) } : {}),
  };
}

/** The report's part. @param sequence tokens of the text that multiply-adds are counted for */
export function structureOf(original: KnownModel, { layers }: ModelShape, sequence: number): Structure {
  const blocks = blocksOf(original.model, original.recognition);
  const costs = macCosts(blocks, sequence);
  const macs = (shapes: readonly LayerShape[]): number =>
    shapes.reduce(
      (sum, { heads, ffn }, i) => sum + heads.length * costs[i]!.head + ffn * (costs[i]!.neurons[0] ?? 0),
      0,
    );
  const whole = wholeShape(blocks).layers;
  return {
    layers: whole.map((one, i) => ({
      heads: { before: one.heads.length, after: layers[i]!.heads.length },
      ffn: { before: one.ffn, after: layers[i]!.ffn },
    })),
    macs: { sequence, before: macs(whole), after: macs(layers) },
  };
}

/** The one value of all, if it is one above 0. */
function equal(values: readonly number[]): number | undefined {
  return values[0] !== 0 && values.every((value) => value === values[0]) ? values[0] : undefined;
}
