// `quantize` as a function: what the command does, with typed options and a Report.
import { hasIntegerDotProduct, readMachine } from './runtime/machine.ts';
import { defaultShapes, type Shape } from './evaluate/latency.ts';
import { dynamic8Bit } from './passes/quantize/dynamic-8bit.ts';
import { fp16 } from './passes/quantize/fp16.ts';
import { compress, type Step } from './pipeline/compress.ts';
import type { Events } from './pipeline/events.ts';
import { gatesOf } from './pipeline/gates.ts';
import type { Precision } from './pipeline/output.ts';
import type { CompressionReport } from './report/schema.ts';

/** Options of `quantize`; each is the flag of the same name. */
export interface QuantizeOptions {
  /** Precision of the weights; default int8. */
  readonly to?: Exclude<Precision, 'fp32'> | undefined;
  /** FILE.onnx or a folder; default beside the input under transformers.js's name. */
  readonly output?: string | undefined;
  readonly force?: boolean | undefined;
  readonly keep?: boolean | undefined;
  readonly granularity?: 'per-channel' | 'per-tensor' | undefined;
  readonly symmetric?: boolean | undefined;
  /** 7-bit weights; auto: where this CPU would saturate. */
  readonly reduceRange?: 'auto' | 'on' | 'off' | undefined;
  readonly embeddings?: 'int8' | 'fp32' | undefined;
  readonly keepIoTypes?: boolean | undefined;
  readonly exclude?: readonly string[] | undefined;
  readonly stripMetadata?: boolean | undefined;
  readonly externalData?: boolean | undefined;
  /** Labelled rows; without them parity is measured. */
  readonly data?: string | undefined;
  readonly text?: string | undefined;
  readonly textPair?: string | undefined;
  readonly label?: string | undefined;
  readonly task?: string | undefined;
  /** Rows to measure, chosen with the seed; default all. */
  readonly samples?: number | undefined;
  readonly pooling?: 'mean' | 'cls' | 'given' | undefined;
  readonly maxLength?: number | undefined;
  /** How many of the examples that got worst the report lists. */
  readonly showChanged?: number | undefined;
  /** Folds over which the spread of the metric is told. */
  readonly crossValidate?: number | undefined;
  /** Also score as a CPU without exact u8 x s8 products gives it. */
  readonly emulateSaturation?: boolean | undefined;
  readonly batch?: number | undefined;
  /** Run the models; default true. */
  readonly validate?: boolean | undefined;
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
 * Quantize a model file or folder, measure what it cost and judge it against the gates.
 * A gate that does not hold is no exception: `report.verdict` is 'fail', `report.failures` says why, and the output is `*.rejected.onnx`.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export function quantize(model: string, options: QuantizeOptions = {}, events?: Events): Promise<CompressionReport> {
  const to = options.to ?? 'int8';
  const reduce = to === 'fp16' ? undefined : reduceRange(options.reduceRange ?? 'auto');
  const {
    granularity,
    symmetric,
    embeddings,
    keepIoTypes,
    reduceRange: _auto,
    maxDrop,
    minSpeedup,
    maxSize,
    bench,
    shapes,
    ep,
    exclude,
    seed,
    ...rest
  } = options;
  const chosen = exclude === undefined ? {} : { exclude };
  const step: Step =
    to === 'fp16'
      ? stepOf(fp16, { keepIoTypes, ...chosen })
      : stepOf(dynamic8Bit, { to, granularity, symmetric, embeddings, reduceRange: reduce?.on, ...chosen });
  return compress(
    {
      ...rest,
      model,
      command: 'quantize',
      precision: to,
      seed: seed ?? 0,
      ep: ep === undefined ? undefined : [ep],
      shapes: bench === false ? undefined : (shapes ?? defaultShapes),
      gates: gatesOf({ maxDrop, minSpeedup, maxSize }),
      notes: reduce ? [reduce.note] : [],
    },
    () => [step],
    events,
  );
}

function stepOf(pass: Step['pass'], options: Record<string, unknown>): Step {
  return { pass, options: pass.options.parse(options) };
}

function reduceRange(asked: 'auto' | 'on' | 'off'): { on: boolean; note: string } {
  if (asked !== 'auto') return { on: asked === 'on', note: `reduced range ${asked}, as asked` };
  const { isa } = readMachine();
  const exact = hasIntegerDotProduct(isa);
  const why = exact
    ? `this CPU sums u8 x s8 products exactly (${isa.filter((name) => /vnni|amx_int8|asimddp|i8mm/.test(name)).join(', ')}); on an x86 CPU without VNNI they saturate: use --reduce-range on for those`
    : 'this CPU has no exact u8 x s8 products: weights are 7 bits wide';
  return { on: !exact, note: `reduced range ${exact ? 'off' : 'on'}: ${why}` };
}
