// What heads and neurons cost in time on this machine: one layer of the model with fewer and fewer of them, measured in turn.
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { boundariesOf, outOf } from '../../bert/boundaries.ts';
import type { Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { makeFeeds } from '../../evaluate/feeds.ts';
import { mediansInTurn, type TimedRun } from '../../evaluate/latency-rounds.ts';
import { tokensOf, type Shape } from '../../evaluate/latency.ts';
import { rolesByName, type InputRoles } from '../../evaluate/roles.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import { prunePass } from '../../passes/prune/prune.ts';
import type { Site } from '../../passes/prune/sites.ts';
import { readMachine } from '../../runtime/machine.ts';
import { openSession, type HostTensor, type Session } from '../../runtime/session.ts';
import type { Events } from '../events.ts';
import { keepOnly } from './pair.ts';
import { Scratch, sessionOptions, type RunOptions } from '../learn/training.ts';

/** Milliseconds of a run. */
export interface LatencyTable {
  /** The whole model. */
  readonly whole: number;
  /** What is left without any head or neuron. */
  readonly rest: number;
  /** Of each site by the number of units kept: what they add. */
  readonly costs: readonly ((kept: number) => number)[];
}

/** Medians in milliseconds by number of units. */
interface Measured {
  readonly whole: number;
  readonly heads: readonly (readonly [units: number, ms: number])[];
  readonly ffn: readonly (readonly [units: number, ms: number])[];
}

/** Shares of the units that are measured; between them the time is taken as linear. */
const SHARES = [0, 0.125, 0.25, 0.5, 0.75, 1];
/** Milliseconds for all of them. */
const BUDGET = 8000;
/** Rounds after which a median holds. */
const ROUNDS = 40;

/**
 * Times are kept in the user's cache folder, by CPU, onnxruntime, threads, sizes and shape.
 * @throws ModelError where no layer can be cut out
 */
export async function latencyTable(
  { model, recognition }: { readonly model: Model; readonly recognition: Recognition },
  sites: readonly Site[],
  shape: Shape,
  context: RunOptions & { readonly events: Events },
): Promise<LatencyTable> {
  const [heads, ffn] = (['heads', 'ffn'] as const).map((kind) => widest(sites, kind));
  const { cpu, cores, onnxruntime } = readMachine();
  const threads = context.threads ?? cores;
  const sizes = [heads, ffn].map((site) => (site ? [site.units, site.unit, site.dense.outFeatures] : []));
  const key = JSON.stringify({ cpu, onnxruntime, threads, ep: context.ep, shape, sizes, layers: sites.length, opsets: [...model.opsets] }); // prettier-ignore
  const measured = await cached(key, () => measure(model, recognition, { heads, ffn }, shape, context));
  const curves = { heads: curveOf(measured.heads), ffn: curveOf(measured.ffn) };
  const costs = sites.map(({ kind }) => curves[kind]);
  const all = sites.reduce((sum, { units }, s) => sum + costs[s]!(units), 0);
  return { whole: measured.whole, rest: Math.max(0, measured.whole - all), costs };
}

function widest(sites: readonly Site[], kind: Site['kind']): Site | undefined {
  return sites.filter((site) => site.kind === kind).reduce<Site | undefined>((a, b) => (a && a.units >= b.units ? a : b), undefined); // prettier-ignore
}

/** What so many units add: linear between the points, never falling. */
export function curveOf(points: Measured['heads']): (kept: number) => number {
  let top = 0;
  const none = points[0]?.[1] ?? 0;
  const rising = points.map(([units, ms]) => [units, (top = Math.max(top, ms - none))] as const);
  return (kept) => {
    const next = rising.findIndex(([units]) => units >= kept);
    const [to, high] = rising[next < 0 ? rising.length - 1 : next] ?? [0, 0];
    const [from, low] = rising[next - 1] ?? [to, high];
    return to === from ? high : low + ((high - low) * (kept - from)) / (to - from);
  };
}

async function measure(
  model: Model,
  recognition: Recognition,
  widest: { readonly heads: Site | undefined; readonly ffn: Site | undefined },
  shape: Shape,
  context: RunOptions & { readonly events: Events },
): Promise<Measured> {
  const variants = (['heads', 'ffn'] as const).flatMap((kind) => {
    const site = widest[kind];
    const counts = site ? [...new Set(SHARES.map((share) => Math.round(share * site.units)))] : [];
    return counts.map((units) => ({ kind, units, model: layerWith(model, recognition, site!, units) }));
  });
  const scratch = new Scratch();
  const sessions: Session[] = [];
  try {
    for (const one of [model, ...variants.map((variant) => variant.model)])
      sessions.push(await openSession(scratch.write(one), sessionOptions('a layer of the model', context)));
    const { signal, events } = context;
    const words = recognition.encoders[0]?.embeddings.find(({ role }) => role === 'token')?.rows;
    const progress = events.bar('measuring what heads and neurons cost');
    const [whole, ...each] = await mediansInTurn(
      sessions.map((session) => timed(session, feedsOf(session, shape, words))),
      { budgetMs: BUDGET, minRounds: 5, mostRounds: ROUNDS, signal, progress: (done) => progress(100 * done, 100) },
    );
    const of = (kind: Site['kind']): [number, number][] =>
      variants.flatMap((variant, i) => (variant.kind === kind ? [[variant.units, each[i]!] as [number, number]] : []));
    return { whole: whole!, heads: of('heads'), ffn: of('ffn') };
  } finally {
    for (const session of sessions) await session.release();
    scratch.dispose();
  }
}

/** The layer of a site alone, with the first so many of its units. */
function layerWith(model: Model, recognition: Recognition, site: Site, units: number): Model {
  const [encoder] = recognition.encoders;
  const cut = encoder ? boundariesOf(model.graph, encoder) : 'no encoder';
  const to = typeof cut === 'string' ? undefined : outOf(cut, site.layer);
  if (typeof cut === 'string' || to === undefined)
    throw new ModelError(
      `--speedup: expected layers that can be cut apart, found ${typeof cut === 'string' ? cut : 'no end of the last'}: use --keep-macs`,
    );
  const all = (count: number): number[] => Array.from({ length: count }, (_, i) => i);
  const layers = recognition.encoders.flatMap((one, e) =>
    one.layers.map(({ attention, ffn }, layer) => {
      const here = e === 0 && layer === site.layer;
      return {
        heads: all(here && site.kind === 'heads' ? units : (attention.heads ?? 0)),
        ffn: ffn.map(({ width }) => all(here && site.kind === 'ffn' ? Math.min(units, width) : width)),
      };
    }),
  );
  const quiet = { log: () => {}, progress: () => {} };
  return keepOnly(cloneModel(prunePass.run(model, { layers }, quiet).model), cut.into[site.layer]!, [to]);
}

function timed(session: Session, feeds: Record<string, HostTensor>): TimedRun {
  return async () => {
    const started = performance.now();
    await session.run(feeds);
    return performance.now() - started;
  };
}

/** Random tokens, and any hidden states where the graph begins with these. */
function feedsOf(session: Session, shape: Shape, vocabulary: number | undefined): Record<string, HostTensor> {
  const hidden = session.inputs.filter(({ dtype, shape: dims }) => dtype === 'float32' && dims.length === 3);
  const tokens = session.inputs.filter((input) => !hidden.includes(input));
  const roles: InputRoles = tokens.length === 0 ? { ids: '' } : rolesOf(tokens);
  const states = hidden.map(({ name, shape: dims }): [string, HostTensor] => {
    const full = [shape.batch, shape.sequence, Number(dims[2])];
    const data = Float32Array.from({ length: full[0]! * full[1]! * full[2]! }, (_, i) => Math.sin(1.3 * i));
    return [name, { dtype: 'float32', dims: full, data }];
  });
  return { ...makeFeeds(tokens, roles, tokensOf(shape, vocabulary)), ...Object.fromEntries(states) };
}

/** A layer alone may read the mask only. */
function rolesOf(inputs: Session['inputs']): InputRoles {
  if (inputs.length > 1) return rolesByName(inputs);
  const [{ name }] = inputs as [Session['inputs'][number]];
  return { ids: '', mask: name };
}

async function cached(key: string, make: () => Promise<Measured>): Promise<Measured> {
  const folder = join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'bert-compress', 'latency');
  const file = join(folder, `${createHash('sha256').update(key).digest('hex').slice(0, 16)}.json`);
  try {
    const stored = JSON.parse(readFileSync(file, 'utf8')) as { key: string; measured: Measured }; // we wrote it
    if (stored.key === key) return stored.measured;
  } catch {
    // not measured yet
  }
  const measured = await make();
  try {
    mkdirSync(folder, { recursive: true });
    writeFileSync(file, JSON.stringify({ key, measured }));
  } catch {
    // a cache that cannot be written is measured anew next time
  }
  return measured;
}
