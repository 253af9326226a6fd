// What a pass is: options with a schema, and a function from a model to a changed model that says what it did and what it left.
import type * as z from 'zod';
import type { Model, Node } from '../ir/graph.ts';

/** A node that could have been treated and was not. */
export interface Skip {
  readonly node: string;
  readonly op: string;
  readonly reason: string;
}

/** What a pass did. */
export interface PassResult {
  /** The changed model; the input model is untouched. */
  readonly model: Model;
  /** True exactly when the model differs from the input. */
  readonly changed: boolean;
  /** Counters: what was done how often, and what became of values. */
  readonly stats: Readonly<Record<string, number>>;
  readonly skipped: readonly Skip[];
}

/** What a pass gets from its caller; nothing global is read. */
export interface PassContext {
  /** One line for the user. */
  log(line: string): void;
  /** Work done and work in all, in bytes of weights. */
  progress(done: number, total: number): void;
  readonly signal?: AbortSignal;
}

/** A pass: one file, one of these. `options` gives the command's flags, the recipe's fields and the defaults. */
export interface Pass<Schema extends z.ZodType = z.ZodType> {
  readonly name: string;
  readonly summary: string;
  readonly options: Schema;
  run(model: Model, options: z.output<Schema>, context: PassContext): PassResult;
  /** What `run` would treat and what it would leave, without reading weights. Throws ModelError where it would refuse. */
  plan(model: Model, options: z.output<Schema>): PassPlan;
}

/** A look ahead. */
export interface PassPlan {
  /** Nodes, or what `unit` says, that would be treated. */
  readonly applicable: number;
  readonly unit?: string;
  readonly skipped: readonly Skip[];
}

/** Declare a pass with its option types inferred. */
export function definePass<Schema extends z.ZodType>(pass: Pass<Schema>): Pass<Schema> {
  return pass;
}

/** A skip entry of a node. */
export function skip(node: Node, reason: string): Skip {
  return {
    node: node.name || (node.outputs[0] ?? ''),
    op: node.domain === '' ? node.op : `${node.domain}::${node.op}`,
    reason,
  };
}
