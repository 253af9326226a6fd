// Options of every verb that measures models on rows and judges them, and what the pipeline takes of them.
import { defaultShapes, type Shape } from './evaluate/latency.ts';
import type { Pooling } from './evaluate/pooling.ts';
import { gatesOf, type Gates } from './pipeline/gates.ts';

/** How models are run and judged; each is the flag of the same name. */
export interface JudgingOptions {
  /** Measure latency; default true. */
  readonly bench?: boolean | undefined;
  readonly shapes?: readonly Shape[] | undefined;
  /** `1%` (relative) or `0.5pt` of the original's metric. */
  readonly maxDrop?: string | undefined;
  /** `1.2x` */
  readonly minSpeedup?: string | undefined;
  /** `30MB` */
  readonly maxSize?: string | undefined;
  /** `88%` or `0.88` of the metric. */
  readonly minMetric?: string | undefined;
  readonly seed?: number | undefined;
  readonly threads?: number | undefined;
  readonly ep?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Of verbs whose rows are only measured on. */
export interface MeasuringOptions extends Omit<JudgingOptions, 'minMetric'> {
  /** Labelled rows; without them parity on built-in texts is measured. */
  readonly data?: string | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  /** Which list of a JSON file that holds several. */
  readonly split?: string | undefined;
  readonly task?: string | undefined;
  /** Which head of a model that has several: a name in its config's `task_heads`, or of an output. */
  readonly head?: string | undefined;
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
  /** File with the figures of the model accepted last. */
  readonly baseline?: string | undefined;
  readonly updateBaseline?: boolean | undefined;
}

/** The options as the pipeline takes them. Throws UsageError for a gate that is none. */
export function measuringOf<O extends JudgingOptions>(options: O): Omit<O, Written> & Measuring {
  const { bench, shapes, ep, seed, maxDrop, minSpeedup, maxSize, minMetric, ...rest } = options;
  return {
    ...rest,
    seed: seed ?? 0,
    ep: ep === undefined ? undefined : [ep],
    shapes: bench === false ? undefined : (shapes ?? defaultShapes),
    gates: gatesOf({ maxDrop, minSpeedup, maxSize, minMetric }),
  };
}

/** Options that the pipeline takes in another form. */
type Written = 'bench' | 'shapes' | 'ep' | 'seed' | 'maxDrop' | 'minSpeedup' | 'maxSize' | 'minMetric';

interface Measuring {
  readonly seed: number;
  readonly ep: readonly string[] | undefined;
  readonly shapes: readonly Shape[] | undefined;
  readonly gates: Gates;
}
