// The works of `share`: passes with what they look up in the user's texts.
import { UsageError } from '../../errors.ts';
import type { Model } from '../../ir/graph.ts';
import { sourceFiles } from '../../onnx/sources.ts';
import type { KnownModel } from '../known-model.ts';
import { basisStep, productsRead } from './basis.ts';
import { chooseGroups, layerParams, paramsOf, sum, type Groups } from './choose.ts';
import { fewerLayers } from './fewer-layers.ts';
import { runSteps, type Step } from '../steps.ts';
import { withModel, type Pruned, type Work, type Workshop } from '../prune/works.ts';
import { blocksOf, type Block } from '../../passes/structure/blocks.ts';
import { alignLayers } from '../../passes/share/align-layers.ts';
import { codebook } from '../../passes/share/codebook.ts';
import { shareExact } from '../../passes/share/exact.ts';
import { factorise, type FactorRank } from '../../passes/share/factorise.ts';
import { parseGroups, type Group } from '../../passes/share/groups.ts';
import { shareLayers } from '../../passes/share/layers.ts';

/** A pass as a work; where nothing changes it is left out of the report. */
function passWork(step: Omit<Step, 'optional'>): Work {
  return async (before, { events, options }) => {
    const { model, steps } = runSteps(before.known.model, [{ ...step, optional: true }], events, options.signal);
    return steps.reduce((pruned, done) => withModel(pruned, model, done), before);
  };
}

/** Tensors of the same content, of any size, stored once. */
export function exactly(): Work {
  return passWork({ pass: shareExact, options: { least: 0 } });
}

export interface LayerSharing {
  /** `0-1,2-3`, `neighbours:3`, `auto`. */
  readonly groups: string;
  /** weights: one set for a group; basis: one matrix that each layer's own are products with. */
  readonly form: 'weights' | 'basis';
  /** Share of the layers' parameters that stays; with auto or a basis. */
  readonly keep?: number | undefined;
  /** Instead of the share: most bytes of the file. */
  readonly most?: number | undefined;
  readonly parts: 'attention' | 'ffn' | 'all';
  readonly start: 'mean' | 'first' | 'last';
  /** Rank of what each layer of a group has of its own beside shared weights. */
  readonly residualRank?: number | undefined;
}

/** Share of the layers' parameters that stays where none is named. */
const KEEP = 0.6;

/** One set of weights, or one basis, for each group of layers. Throws UsageError for groups that the model does not have. */
export function acrossLayers({ groups, form, keep: asked, most, parts, start, residualRank }: LayerSharing): Work {
  return async (before, shop) => {
    const { known } = before;
    const blocks = blocksOf(known.model, known.recognition);
    const keep = asked ?? (most === undefined ? KEEP : shareForSize(known.model, shop.original, most, blocks));
    const list = groups === 'auto' ? undefined : parseGroups(groups, blocks.length);
    if (form === 'basis') {
      const chosen = named(list ?? [[...blocks.keys()]], parts);
      const step = await basisStep(known, chosen, shareOfParts(blocks, chosen, keep), shop);
      return withAlternative(before, await passWork(step)(before, shop), blocks, shop);
    }
    const chosen = list
      ? { groups: named(list, parts), notes: [] }
      : await chooseGroups(known, { parts, start, keep, residualRank }, shop);
    const aligned = start === 'mean' ? await passWork({ pass: alignLayers, options: chosen.groups })(before, shop) : before; // prettier-ignore
    const differences = residualRank === undefined ? {} : { residualRank, products: await productsRead(aligned.known, chosen.groups, shop) }; // prettier-ignore
    const step = { pass: shareLayers, options: { ...chosen.groups, start, ...differences } };
    const shared = await passWork(step)(aligned, shop);
    return withAlternative(before, { ...shared, notes: [...shared.notes, ...chosen.notes] }, blocks, shop);
  };
}

/** Bytes that the nodes of products and sums take, a layer, at most. */
const NODES = 2048;

/** Share of the layers' parameters, float32, that a file of so many bytes has room for. Throws UsageError. */
function shareForSize(model: Model, original: KnownModel, most: number, blocks: readonly Block[]): number {
  const params = layerParams(blocks);
  const tensors = (graph: Model['graph']): number => sum([...graph.initializers.values()].map(({ byteLength }) => byteLength)); // prettier-ignore
  const file = sum(sourceFiles(original.path.onnxPath, original.model).map(({ bytes }) => bytes));
  const around = file - tensors(original.model.graph) + NODES * blocks.length;
  const rest = tensors(model.graph) - 4 * params + around;
  const keep = (most - rest) / (4 * params);
  if (keep >= 1) throw new UsageError(`--max-size: expected fewer bytes than the model has, ${file}, found ${most}`);
  if (keep > 0) return keep;
  throw new UsageError(`--max-size: expected more than ${Math.ceil(rest)} bytes, what the file has beside its layers' weights, found ${most}`); // prettier-ignore
}

/** Share of what the groups have that must stay so that `keep` of all layers' parameters does. Throws UsageError. */
function shareOfParts(blocks: readonly Block[], groups: Groups, keep: number): number {
  const all = layerParams(blocks);
  const own = sum((['attention', 'ffn'] as const).map((part) => paramsOf(blocks, part, groups[part].flat())));
  const share = 1 - ((1 - keep) * all) / own;
  if (share > 0) return share;
  throw new UsageError(
    `--keep-parameters: expected more than ${(1 - own / all).toFixed(3)}, what the layers and parts have that share nothing, found ${keep}`,
  );
}

function named(list: readonly Group[], parts: LayerSharing['parts']): Groups {
  return { attention: parts === 'ffn' ? [] : list, ffn: parts === 'attention' ? [] : list };
}

/** Says whether fewer layers, as small and faster, would be nearer the original. */
async function withAlternative(
  before: Pruned,
  after: Pruned,
  blocks: readonly Block[],
  shop: Workshop,
): Promise<Pruned> {
  const saved = after.steps.slice(before.steps.length).reduce((sum, { stats }) => sum + (stats['saved parameters'] ?? 0), 0); // prettier-ignore
  const left = 1 - saved / layerParams(blocks);
  return { ...after, notes: [...after.notes, ...(await fewerLayers(before.known, after.known, left, shop))] };
}

/** Ranks: a number, a share of a weight's parameters, or the energy that is kept. */
export interface Factorisation {
  readonly embeddings?: FactorRank;
  readonly dense?: FactorRank;
}

/**
 * Tables and weights as two smaller ones: the rows of the table weighted by how often the texts have their token, weights seen through
 * what they read on the texts.
 */
export function factorised(options: Factorisation): Work {
  return async (before, shop) => {
    const { known } = before;
    const { samples } = shop.material ?? {};
    const counts = samples && options.embeddings !== undefined ? { tokenCounts: tokenCounts(known, samples) } : {};
    const blocks = options.dense === undefined ? [] : [...blocksOf(known.model, known.recognition).keys()];
    const products = blocks.length === 0 ? {} : { products: await productsRead(known, { attention: [blocks], ffn: [blocks] }, shop) }; // prettier-ignore
    return passWork({ pass: factorise, options: { ...options, ...counts, ...products } })(before, shop);
  };
}

/** A token that the texts do not have counts a little: the next text may. */
const UNSEEN = 0.1;

function tokenCounts(
  { recognition }: Parameters<Work>[0]['known'],
  samples: readonly { readonly sequences: readonly { readonly ids: ArrayLike<number | bigint> }[] }[],
): Float64Array | undefined {
  const rows = recognition.encoders[0]?.embeddings.find(({ role }) => role === 'token')?.rows;
  if (rows === undefined) return undefined;
  const counts = new Float64Array(rows).fill(UNSEEN);
  for (const { sequences } of samples)
    for (const { ids } of sequences) for (let i = 0; i < ids.length; i++) counts[Number(ids[i])]!++;
  return counts;
}

/** Weights as codes of k-means codebooks. */
export function coded(entries: 256 | 16): Work {
  return passWork({ pass: codebook, options: { entries } });
}
