// What bench will measure, known before anything runs: the shapes that every model can take, and its inputs by meaning.
import { recognise } from '../../bert/recognise.ts';
import { architectureOf } from '../../bert/summary.ts';
import { loadConfig } from '../../data/config.ts';
import { ModelError, UsageError } from '../../errors.ts';
import { planShapes, type Shape, type SkippedShape } from '../../evaluate/latency.ts';
import {
  checkRoles,
  commonShape,
  fixedShape,
  rolesByName,
  type FixedShape,
  type InputRoles,
} from '../../evaluate/roles.ts';
import type { KnownModel } from '../known-model.ts';

export interface BenchPlanOptions {
  readonly shapes: readonly Shape[];
  /** The user named the shapes: one that cannot be measured is an error, not a note. */
  readonly named: boolean;
}

export interface BenchPlan {
  readonly lanes: readonly Lane[];
  /** Shapes that all models can run. */
  readonly shapes: readonly Shape[];
  readonly skipped: readonly SkippedShape[];
  /** Dimensions that the models' inputs are fixed to. */
  readonly fixed: FixedShape;
  /** Token ids are drawn below it. */
  readonly vocabularySize: number | undefined;
}

export interface Lane {
  readonly model: KnownModel;
  readonly roles: InputRoles;
}

/**
 * Inputs by meaning and shapes of the models.
 * @throws ModelError for inputs that cannot be fed or models fixed to different shapes; UsageError for shapes that cannot be run
 */
export async function planBench(models: readonly KnownModel[], options: BenchPlanOptions): Promise<BenchPlan> {
  const lanes = models.map(laneOf);
  const limits = await Promise.all(models.map(limitsOf));
  const fixed = lanes.map(({ model, roles }) => fixedShape(model.inputs, roles)).reduce(commonShape);
  const { shapes, skipped } = planShapes(options.shapes, fixed, least(limits.map((limit) => limit.positions)));
  const [first] = skipped;
  if (first && (options.named || shapes.length === 0))
    throw new UsageError(
      `shape ${first.batch}x${first.sequence}: expected one that every model can run, found one ${first.reason}`,
    );
  const other = options.shapes.find((asked) => !shapes.some((shape) => same(shape, asked)));
  if (options.named && other)
    throw new UsageError(
      `shape ${other.batch}x${other.sequence}: expected ${shapes.map(({ batch, sequence }) => `${batch}x${sequence}`).join(', ')}, which the models' inputs are fixed to`,
    );
  return { lanes, shapes, skipped, fixed, vocabularySize: least(limits.map((limit) => limit.vocabulary)) };
}

function laneOf(model: KnownModel): Lane {
  try {
    const roles = model.roles ?? rolesByName(model.inputs);
    checkRoles(model.inputs, roles);
    return { model, roles };
  } catch (cause) {
    if (!(cause instanceof ModelError)) throw cause;
    throw new ModelError(`${model.path.onnxPath}: ${cause.message}`, { cause });
  }
}

function same(a: Shape, b: Shape): boolean {
  return a.batch === b.batch && a.sequence === b.sequence;
}

/** Longest sequence and number of token ids: the lesser of what the tables in the graph and the configuration say. */
async function limitsOf({ model, path }: KnownModel): Promise<{ positions?: number; vocabulary?: number }> {
  const config = await loadConfig(path.folder);
  const tables = architectureOf(recognise(model));
  const positions = least([tables.positions, config?.maxPositions]);
  const vocabulary = least([tables.vocabulary, config?.vocabularySize]);
  return { ...(positions === undefined ? {} : { positions }), ...(vocabulary === undefined ? {} : { vocabulary }) };
}

function least(values: readonly (number | undefined)[]): number | undefined {
  const known = values.filter((value) => value !== undefined);
  return known.length === 0 ? undefined : Math.min(...known);
}
