// The works of `share`: passes with what they look up in the user's texts.
import { chooseGroups, layerParams, type Groups } from './choose.ts';
import { runSteps, type Step } from '../steps.ts';
import { withModel, type Work } from '../prune/works.ts';
import { blocksOf } from '../../passes/structure/blocks.ts';
import { codebook } from '../../passes/share/codebook.ts';
import { shareExact } from '../../passes/share/exact.ts';
import { factorise } from '../../passes/share/factorise.ts';
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
  /** Share of the layers' parameters that stays; with auto. */
  readonly keep?: number | undefined;
  readonly parts: 'attention' | 'ffn' | 'all';
  readonly start: 'mean' | 'first' | 'last';
}

/** One set of weights for each group of layers. Throws UsageError for groups that the model does not have. */
export function acrossLayers({ groups, keep = 0.6, parts, start }: LayerSharing): Work {
  return async (before, shop) => {
    const { known } = before;
    const blocks = blocksOf(known.model, known.recognition);
    const chosen =
      groups === 'auto'
        ? await chooseGroups(known, { parts, start, keep }, shop)
        : { groups: named(parseGroups(groups, blocks.length), parts), notes: [] };
    const shared = await passWork({ pass: shareLayers, options: { ...chosen.groups, start } })(before, shop);
    const left = layerParams(blocksOf(shared.known.model, shared.known.recognition)) / layerParams(blocks);
    return { ...shared, notes: [...shared.notes, ...chosen.notes, ...instead(left, blocks.length)] };
  };
}

function named(list: readonly Group[], parts: LayerSharing['parts']): Groups {
  return { attention: parts === 'ffn' ? [] : list, ffn: parts === 'attention' ? [] : list };
}

/** Fewer layers are as small, and faster as well. */
function instead(left: number, layers: number): string[] {
  const fewer = Math.max(1, Math.round(left * layers));
  if (fewer >= layers) return [];
  const percent = `${(100 * left).toFixed(0)} % of the layers' parameters are left, as fast as before`;
  const times = (layers / fewer).toFixed(1);
  return [`${percent}: distill --layers ${fewer} leaves about as many and is ${times} times as fast, so compare both`];
}

/** Tables and weights as two smaller ones: the rows of the table weighted by how often the texts have their token. */
export function factorised(options: {
  readonly embeddings?: number | undefined;
  readonly dense?: number | undefined;
}): Work {
  return (before, shop) => {
    const { samples } = shop.material ?? {};
    const counts = samples && options.embeddings !== undefined ? tokenCounts(before.known, samples) : undefined;
    return passWork({ pass: factorise, options: { ...options, tokenCounts: counts } })(before, shop);
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
