// `quantize` as a function: what the command does, with typed options and a Report.
import { UsageError } from './errors.ts';
import { measuringOf, type MeasuringOptions } from './measuring-options.ts';
import { sumsExactly, readMachine } from './runtime/machine.ts';
import { dynamic8Bit } from './passes/quantize/dynamic-8bit.ts';
import { fp16 } from './passes/quantize/fp16.ts';
import { compress } from './pipeline/compress.ts';
import { sharing, type Step } from './pipeline/steps.ts';
import type { Events } from './pipeline/events.ts';
import type { Precision } from './pipeline/output.ts';
import type { CompressionReport } from './report/schema.ts';

/** Options of `quantize`; each is the flag of the same name. */
export interface QuantizeOptions extends MeasuringOptions {
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
  /** Run the models; default true. */
  readonly validate?: boolean | undefined;
}

/**
 * Quantize a model file or folder, measure what it cost and judge it against the gates.
 * A gate that does not hold is no exception: `report.verdict` is 'fail', `report.failures` says why, and the output is `*.rejected.onnx`.
 * Throws UsageError, ModelError or DataError: one line each, nothing written.
 */
export async function quantize(
  model: string,
  options: QuantizeOptions = {},
  events?: Events,
): Promise<CompressionReport> {
  const to = options.to ?? 'int8';
  refuseForeign(to, options);
  const reduce = to === 'fp16' ? undefined : reduceRange(options.reduceRange ?? 'auto');
  const { granularity, symmetric, embeddings, keepIoTypes, reduceRange: _auto, exclude, ...rest } = options;
  const chosen = exclude === undefined ? {} : { exclude };
  const step: Step =
    to === 'fp16'
      ? stepOf(fp16, { keepIoTypes, ...chosen })
      : stepOf(dynamic8Bit, { to, granularity, symmetric, embeddings, reduceRange: reduce?.on, ...chosen });
  return compress(
    {
      ...measuringOf(rest),
      model,
      command: 'quantize',
      precision: to,
      notes: reduce ? [reduce.note] : [],
    },
    // before: a decoder tied to a table is then quantized with it
    () => [sharing, step],
    events,
  );
}

/** An option that the precision does not have would be ignored in silence. */
function refuseForeign(to: Precision, options: QuantizeOptions): void {
  const { granularity, symmetric, reduceRange, embeddings, keepIoTypes } = options;
  const foreign =
    to === 'fp16'
      ? { granularity, symmetric, 'reduce-range': reduceRange, embeddings }
      : { 'keep-io-types': keepIoTypes };
  for (const [flag, value] of Object.entries(foreign))
    if (value !== undefined)
      throw new UsageError(`--${flag}: expected --to ${to === 'fp16' ? 'int8 or uint8' : 'fp16'}, found --to ${to}`);
}

function stepOf(pass: Step['pass'], options: Record<string, unknown>): Step {
  return { pass, options: pass.options.parse(options) };
}

function reduceRange(asked: 'auto' | 'on' | 'off'): { on: boolean; note: string } {
  if (asked !== 'auto') return { on: asked === 'on', note: `reduced range ${asked}, as asked` };
  const { isa } = readMachine();
  const exact = sumsExactly(isa);
  const why = exact
    ? `this CPU sums u8 x s8 products exactly (${isa.filter((name) => /vnni|amx_int8|asimd/.test(name)).join(', ') || process.arch}); on an x86 CPU without VNNI they saturate: use --reduce-range on for those`
    : 'this CPU has no exact u8 x s8 products: weights are 7 bits wide';
  return { on: !exact, note: `reduced range ${exact ? 'off' : 'on'}: ${why}` };
}
