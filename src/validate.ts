// `validate` as a function: what the command does, with typed options and a Report.
import type { Pooling } from './evaluate/pooling.ts';
import { defaultShapes, type Shape } from './evaluate/latency.ts';
import type { Events } from './pipeline/events.ts';
import { gatesOf } from './pipeline/gates.ts';
import { validateModels } from './pipeline/validate.ts';
import type { Report } from './report/schema.ts';

/** Options of `validate`; each is the flag of the same name. */
export interface ValidateOptions {
  /** Labelled rows; without them parity on built-in texts is measured. */
  readonly data?: string | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Which list of a JSON file that holds several. */
  readonly split?: string | undefined;
  readonly task?: string | undefined;
  /** Rows to measure, chosen with the seed; default all. */
  readonly samples?: number | undefined;
  readonly pooling?: Pooling | undefined;
  readonly maxLength?: number | undefined;
  readonly batch?: number | undefined;
  /** How many of the examples that got worst the report lists. */
  readonly showChanged?: number | undefined;
  /** Folds over which the spread of the metric is told. */
  readonly crossValidate?: number | undefined;
  /** Also score as a CPU without exact u8 x s8 products gives it. */
  readonly emulateSaturation?: boolean | undefined;
  /** Measure latency; default true. */
  readonly bench?: boolean | undefined;
  readonly shapes?: readonly Shape[] | undefined;
  /** `1%` (relative) or `0.5pt`. */
  readonly maxDrop?: string | undefined;
  /** `1.2x` */
  readonly minSpeedup?: string | undefined;
  /** `30MB` */
  readonly maxSize?: string | undefined;
  /** File with the figures of the model accepted last. */
  readonly baseline?: string | undefined;
  readonly updateBaseline?: boolean | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Hold models against the original on labelled rows and judge them by the gates.
 * A gate that does not hold is no exception: `report.verdict` is 'fail', and each candidate's `failures` say why.
 * Throws UsageError, ModelError or DataError: one line each.
 */
export function validate(
  original: string,
  candidates: readonly string[],
  options: ValidateOptions = {},
  events?: Events,
): Promise<Report> {
  const { bench, shapes, ep, seed, maxDrop, minSpeedup, maxSize, ...rest } = options;
  return validateModels(
    {
      ...rest,
      original,
      candidates,
      seed: seed ?? 0,
      ep: ep === undefined ? undefined : [ep],
      shapes: bench === false ? undefined : (shapes ?? defaultShapes),
      gates: gatesOf({ maxDrop, minSpeedup, maxSize }),
    },
    events,
  );
}
