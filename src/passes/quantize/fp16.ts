// float16: weights and computation at half size, float32 kept where float16 would break the result.
import * as z from 'zod';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import { constantBehind } from '../../ir/constants.ts';
import { elementTypes } from '../../ir/element-types.ts';
import type { Graph, Model, Node } from '../../ir/graph.ts';
import { orderedNodes } from '../../ir/sort.ts';
import { indexUses } from '../../ir/uses.ts';
import { sweep } from '../../ir/sweep.ts';
import { definePass, skip, type PassContext, type PassPlan, type PassResult } from '../pass.ts';
import { HISTORY_KEY, refuseQuantized } from './already.ts';
import { excludedBy } from './exclude.ts';
import { fixWeightInputs } from './weight-inputs.ts';
import { HalfRewriter } from './fp16-rewrite.ts';
import { planHalf, type HalfPlan } from './fp16-plan.ts';

const options = z.object({
  keepIoTypes: z.boolean().default(true).describe('keep the float32 inputs and outputs of the model'),
  exclude: z.array(z.string()).default([]).describe('nodes or weights to leave float32, as names with *'),
});

export const fp16 = definePass({
  name: 'quantize-fp16',
  summary: 'Weights and computation to float16',
  options,
  run: convert,
  plan,
});

type Options = z.output<typeof options>;

function plan(model: Model, chosen: Options): PassPlan {
  refuse(model);
  const { half, kept } = decide(model.graph, chosen);
  return { applicable: half.size, skipped: [...kept].map(([node, reason]) => skip(node, reason)) };
}

function refuse(model: Model): void {
  refuseQuantized(model, 'fp16');
  const opset = model.opsets.get('') ?? 0;
  if (opset < 11) throw new ModelError(`expected opset 11 or later, found ${opset}: export the model anew`);
}

interface Decision extends HalfPlan {
  readonly types: ReadonlyMap<string, string>;
}

/** The plan with the user's exclusions. */
function decide(given: Graph, chosen: Options): Decision {
  const graph = { ...given, nodes: orderedNodes(given) };
  const types = elementTypes(graph);
  const found = planHalf(graph, types);
  const out = excludedFrom(found.half, graph, chosen.exclude);
  return {
    types,
    large: found.large,
    half: new Set([...found.half].filter((node) => !out.has(node))),
    kept: new Map([...found.kept, ...[...out].map((node) => [node, 'excluded by --exclude'] as const)]),
  };
}

/** Nodes the patterns name, or a weight of theirs. */
function excludedFrom(nodes: ReadonlySet<Node>, graph: Graph, patterns: readonly string[]): Set<Node> {
  const excluded = excludedBy(patterns, graph);
  if (patterns.length === 0) return new Set();
  const uses = indexUses(graph);
  const named = (value: string): boolean => {
    const constant = constantBehind(graph, uses, value);
    return constant !== undefined && excluded(constant.name);
  };
  return new Set([...nodes].filter((node) => excluded(node.name) || node.inputs.some(named)));
}

function convert(input: Model, chosen: Options, context: PassContext): PassResult {
  refuse(input);
  const model = cloneModel(input);
  const { graph } = model;
  graph.nodes = orderedNodes(graph);
  const { types, half, kept, large } = decide(graph, chosen);
  const rewriter = new HalfRewriter(graph, types, half, large, chosen.keepIoTypes);
  rewriter.run(context);
  const removed = sweep(graph);
  const changed = half.size > 0;
  if (changed) model.metadata.set(HISTORY_KEY, 'quantize fp16');
  const skipped = [...kept].map(([node, reason]) => skip(node, reason));
  return {
    model,
    changed,
    stats: Object.assign(rewriter.stats, {
      nodes: half.size,
      removed: removed.nodes,
      ...(changed ? fixWeightInputs(input, model) : {}),
    }),
    skipped,
  };
}
