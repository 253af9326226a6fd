// The library: what the command line does, as typed functions.
export { inspect, INSPECT_SCHEMA, type InspectOptions, type InspectReport } from './inspect/inspect.ts';
export { bench, type BenchOptions } from './bench.ts';
export { distill, type DistillModelOptions } from './distill.ts';
export { prune, type PruneOptions } from './prune.ts';
export { share, type ShareOptions } from './share.ts';
export { quantize, type QuantizeOptions } from './quantize.ts';
export { train, type TrainModelOptions, type TrainTask } from './fit.ts';
export { validate, type ValidateOptions } from './validate.ts';
export {
  candidatesOf,
  REPORT_SCHEMA,
  reportSchema,
  type Candidate,
  type CompressionReport,
  type Report,
} from './report/schema.ts';
export type { Events } from './pipeline/events.ts';
export { DataError, ModelError, UsageError, UserError } from './errors.ts';
