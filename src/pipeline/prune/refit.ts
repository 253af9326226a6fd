// Output projections of a pruned model fitted to the original, layer after layer: what stays makes up for what went.
import { boundariesOf, outOf, type Boundaries } from '../../bert/boundaries.ts';
import type { Dense, Encoder } from '../../bert/types.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import type { HostTensor } from '../../ir/host-tensor.ts';
import { errorLeft, solveFit, type Fit, type Sums } from '../../passes/prune/least-squares.ts';
import { biasOf, matrixOf, putMatrix } from '../../passes/structure/matrix.ts';
import type { Site } from '../../passes/prune/sites.ts';
import type { SortedBatch } from '../../objectives/sorted-batches.ts';
import { column } from './grams.ts';
import type { WithSession } from './gradients.ts';
import { tokenShares } from './relevance.ts';
import { pairOf, type Pair } from './pair.ts';
import { addSums, appendSums, denseIn, emptySums, WEIGHTS } from './sums.ts';

export interface RefitOptions {
  /** Ridge as a share of the mean diagonal of the Gram matrix; the first that helps on held-out batches is taken. */
  readonly ridges: readonly number[];
  readonly progress: (done: number, total: number) => void;
  readonly signal?: AbortSignal | undefined;
}

export interface RefitModels {
  /** The outputs that say what the model is for. */
  readonly outputs: readonly string[];
  readonly original: Model;
  /** The original's. */
  readonly encoder: Encoder;
  readonly sites: readonly Site[];
  /** Its values have the original's names. */
  readonly pruned: Model;
}

export interface Refitted {
  readonly model: Model;
  /** Of each site that was looked at: the share of its squared error left on held-out rows. */
  readonly left: readonly { readonly site: Site; readonly left: number }[];
  readonly notes: readonly string[];
}

/** Every so many batches one is held out. */
const HELD = 5;

/**
 * For each projection, in order, the change of weight and bias that brings the sum with the residual stream nearest to the
 * original's at the same tokens: with x what the kept units give, the ridge regression of what the sum lacks on x. So a
 * layer also mends what those before it changed. The whole kept projection is solved for: masks with a scale a unit (Kwon
 * et al. 2022) are its diagonal special case. A fit that does not help on held-out batches is left away.
 * @throws ModelError for a graph with subgraphs
 */
export async function refitOutputs(
  { original, encoder, pruned, sites, outputs }: RefitModels,
  batches: readonly SortedBatch[],
  open: WithSession,
  options: RefitOptions,
): Promise<Refitted> {
  const cut = boundariesOf(original.graph, encoder);
  const last = sites.findLast((site) => site.layer === encoder.layers.length - 1);
  const shares = last && (await tokenShares(original, last.sum, outputs, batches, open));
  const walk = new Walk(original, cloneModel(pruned), sites, batches, open, { ...options, shares });
  for (let layer = 0; layer < encoder.layers.length; layer++) await walk.layer(layer, typeof cut === 'string' ? undefined : cut); // prettier-ignore
  return walk;
}

/** Values at the input of the layer that is next, for each batch. */
interface Carried {
  readonly value: string;
  readonly original: HostTensor[];
  readonly pruned: HostTensor[];
}

interface WalkOptions extends RefitOptions {
  /** For the last layer, of each batch: how much each token counts. */
  readonly shares: readonly Float32Array[] | undefined;
}

class Walk implements Refitted {
  readonly model: Model;
  readonly left: { site: Site; left: number }[] = [];
  readonly notes: string[] = [];
  readonly #original: Model;
  readonly #sites: readonly Site[];
  readonly #batches: readonly SortedBatch[];
  readonly #open: WithSession;
  readonly #options: WalkOptions;
  #carried: Carried | undefined;

  constructor(
    original: Model,
    pruned: Model,
    sites: readonly Site[],
    batches: readonly SortedBatch[],
    open: WithSession,
    options: WalkOptions,
  ) {
    this.#original = original;
    this.model = pruned;
    this.#sites = sites;
    this.#batches = batches;
    this.#open = open;
    this.#options = options;
  }

  async layer(i: number, cut: Boundaries | undefined): Promise<void> {
    const own = [...this.#sites.entries()].filter(([, site]) => site.layer === i);
    const next = cut && outOf(cut, i);
    const last = !this.#sites.some((site) => site.layer > i);
    let ahead: HostTensor[] | undefined;
    for (const [s, site] of own) {
      this.#options.signal?.throwIfAborted();
      this.#options.progress(s, this.#sites.length);
      const dense = denseIn(this.model, site.dense);
      // where nothing went, hardly anything can be mended
      if (!dense || dense.inFeatures === site.dense.inFeatures) continue;
      const also = s === own.at(-1)![0] && !last ? next : undefined;
      ahead = await this.#fit(site, dense, also);
    }
    // what dropped layers had no longer stands in the pruned model: the next layer begins where the last one did
    if (last || next === undefined || !this.model.graph.nodes.some((node) => node.outputs.includes(next))) return;
    await this.#carry(next, ahead);
  }

  /** @param also value of the original that is wanted for each batch */
  async #fit(site: Site, dense: Dense, also: string | undefined): Promise<HostTensor[] | undefined> {
    const pair = pairOf(this.#original, this.model, this.#carried?.value);
    const names = appendSums(pair, site, dense);
    const model = pair.finish([...Object.values(names), ...(also === undefined ? [] : [also])]);
    const [train, held] = [emptySums(dense), emptySums(dense)];
    const ahead: HostTensor[] = [];
    await this.#open(model, 'a layer of the original and the pruned model', async (session) => {
      const fed = new Set(session.inputs.map(({ name }) => name));
      for (const [b, batch] of this.#batches.entries()) {
        const weights = this.#weights(site, b);
        const feeds = { ...this.#feeds(b, batch, pair), [WEIGHTS]: column(weights) };
        const found = await session.run(Object.fromEntries(Object.entries(feeds).filter(([name]) => fed.has(name))));
        addSums(b % HELD === HELD - 1 ? held : train, names, found, weights);
        if (also !== undefined) ahead.push(found[also]!);
      }
    });
    this.#solve(site, dense, train, held);
    return also === undefined ? undefined : ahead;
  }

  /** Behind the last layer only what the outputs are made from counts; before it each token does. */
  #weights({ layer }: Site, b: number): Float32Array {
    const last = this.#sites.at(-1)!.layer === layer;
    return (last && this.#options.shares?.[b]) || Float32Array.from(this.#batches[b]!.padded.mask);
  }

  #feeds(b: number, { feeds }: SortedBatch, pair: Pair): Record<string, HostTensor> {
    if (!this.#carried) return { ...feeds };
    const { value, original, pruned } = this.#carried;
    return { ...feeds, [value]: original[b]!, [pair.pruned(value)]: pruned[b]! };
  }

  #solve(site: Site, dense: Dense, train: Sums, held: Sums): void {
    const sizes = [dense.inFeatures, dense.outFeatures] as const;
    const judge = held.weight > 0 ? held : train;
    let best: { fit: Fit; left: number } | undefined;
    for (const ridge of this.#options.ridges) {
      const fit = solveFit(train, sizes, ridge, dense.bias !== undefined);
      if (fit) best = { fit, left: errorLeft(fit, judge, sizes) };
      if (best && best.left < 1) break;
    }
    const what = `${site.kind} of layer ${site.layer}`;
    if (!best) this.notes.push(`${what}: the output projection is as it was: its inputs are too alike to be told apart`);
    else if (!(best.left < 1)) this.notes.push(`${what}: the output projection is as it was: no fit helped on rows held out`); // prettier-ignore
    this.left.push({ site, left: Math.min(1, best?.left ?? 1) });
    if (!best || !(best.left < 1)) return;
    const add = (to: Float32Array, change: Float64Array): Float32Array => to.map((x, i) => x + change[i]!);
    putMatrix(this.model.graph, dense, add(matrixOf(dense), best.fit.weight), add(biasOf(dense), best.fit.bias));
  }

  /** @param original the values, where they are known already */
  async #carry(value: string, original: HostTensor[] | undefined): Promise<void> {
    const pair = pairOf(this.#original, this.model, this.#carried?.value, original !== undefined);
    const wanted = [pair.pruned(value), ...(original ? [] : [value])];
    const [carried, own]: [HostTensor[], HostTensor[]] = [[], []];
    await this.#open(pair.finish(wanted), 'a layer of the pruned model', async (session) => {
      const fed = new Set(session.inputs.map(({ name }) => name));
      for (const [b, batch] of this.#batches.entries()) {
        const feeds = Object.entries(this.#feeds(b, batch, pair)).filter(([name]) => fed.has(name));
        const found = await session.run(Object.fromEntries(feeds));
        carried.push(found[wanted[0]!]!);
        if (!original) own.push(found[value]!);
      }
    });
    this.#carried = { value, original: original ?? own, pruned: carried };
  }
}
