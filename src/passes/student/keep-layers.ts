// Cutting layers out of a graph: the residual stream is joined behind those that go, and what nobody reads is swept.
import * as z from 'zod';
import { boundariesOf, outOf, type Boundaries } from '../../bert/boundaries.ts';
import { recognise } from '../../bert/recognise.ts';
import type { Encoder } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Graph, Model } from '../../ir/graph.ts';
import { sweep } from '../../ir/sweep.ts';
import { definePass } from '../pass.ts';
import { renameReads } from '../../ir/rename.ts';
import { takeName } from '../structure/rename.ts';
import { keptLayers } from './layer-list.ts';

const options = z.object({
  layers: z
    .union([z.int().positive(), z.array(z.int().nonnegative()).min(1)])
    .describe('how many layers to keep, evenly spaced; or which, counted from 0'),
});

/**
 * Keeps some layers of every encoder of the graph, weights and names as they were. What the head reads is then the last
 * layer kept, as PyTorch computes it with the other modules taken out of the list.
 * Throws ModelError where a layer cannot be cut off, UsageError for layers that are not there.
 */
export const keepLayers = definePass({
  name: 'keep-layers',
  summary: 'a student of some of the layers',
  options,
  run(input, { layers }) {
    const cuts = cutsOf(input);
    const count = cuts[0]!.into.length;
    const kept = keptLayers(layers, count);
    if (kept.length === count) return { model: input, changed: false, stats: { layers: count }, skipped: [] };
    const model = cloneModel(input);
    for (const cut of cuts) join(model.graph, cut, new Set(kept));
    const swept = sweep(model.graph);
    refuseLeftovers(model.graph, cuts, new Set(kept));
    return {
      model,
      changed: true,
      stats: { 'layers before': count, layers: kept.length, 'nodes removed': swept.nodes },
      skipped: [],
    };
  },
  plan(input) {
    return { applicable: cutsOf(input)[0]!.into.length, skipped: [] };
  },
});

/** Every encoder cut between its layers. Throws ModelError. */
function cutsOf(model: Model): Boundaries[] {
  const { encoders } = recognise(model);
  const found = encoders.filter((encoder) => encoder.layers.length > 0);
  const [first] = found;
  if (!first) throw new ModelError('layers: expected an encoder with layers, found none');
  if (found.some((one) => one.layers.length !== first.layers.length))
    throw new ModelError(
      `layers: expected encoders of as many layers each, found ${found.map((one) => one.layers.length).join(' and ')}`,
    );
  return found.map((encoder) => cutOf(model.graph, encoder));
}

function cutOf(graph: Graph, encoder: Encoder): Boundaries {
  const cut = boundariesOf(graph, encoder);
  if (typeof cut === 'string') throw new ModelError(`layers: expected layers that can be cut apart, found ${cut}`);
  return cut;
}

/** Whoever read what went into or came out of a layer that goes reads the last layer kept before it. */
function join(graph: Graph, cut: Boundaries, kept: ReadonlySet<number>): void {
  const instead = new Map<string, string>();
  let last = cut.into[0]!;
  for (const i of cut.into.keys()) {
    const out = outOf(cut, i);
    if (out === undefined && !kept.has(i))
      throw new ModelError(
        `layers: expected to cut off layer ${i}, found no value of the shape of ${cut.into[0]} behind it`,
      );
    if (kept.has(i)) last = out ?? last;
    else instead.set(out!, last);
  }
  graph.nodes = renameReads(graph.nodes, instead);
  const end = cut.out;
  if (end !== undefined && instead.has(end) && graph.outputs.some((output) => output.name === end))
    takeName(graph, last, end);
}

/** A node of a layer that went can only be left where a kept one reads more of it than the residual stream. */
function refuseLeftovers(graph: Graph, cuts: readonly Boundaries[], kept: ReadonlySet<number>): void {
  const left = new Set(graph.nodes.map((node) => node.outputs[0]));
  for (const { out, inside } of cuts) {
    // the name of the last layer's output may have gone over to another layer
    left.delete(out);
    for (const [i, nodes] of inside.entries()) {
      const node = kept.has(i) ? undefined : nodes.find(({ outputs }) => left.has(outputs[0]));
      if (node)
        throw new ModelError(
          `layers: expected nothing to read the inside of layer ${i}, found '${node.name || node.outputs[0]}' still read`,
        );
    }
  }
}
