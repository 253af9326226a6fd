// The Report: what every compressing command gives, as a zod schema from which the type and the published JSON Schema follow.
import * as z from 'zod';

/** Version of the contract; a change that breaks a reader raises it. */
export const REPORT_SCHEMA = 'bert-compress/report/1';

const verdict = z.enum(['pass', 'fail', 'not-checked']);
export type Verdict = z.output<typeof verdict>;

const file = z.object({
  path: z.string(),
  sha256: z
    .string()
    .regex(/^[0-9a-f]{64}$/)
    .describe('of the .onnx file'),
  bytes: z.int().nonnegative().describe('model and external data'),
  params: z.int().nonnegative().describe('numbers in initializers and constants, scales and zero points not counted'),
  compressed: z
    .object({
      gzip: z.int().describe('level 6'),
      zstd: z.int().optional().describe('level 3; absent before Node 22.15'),
    })
    .optional()
    .describe('bytes of the files compressed, where weights were made sparse'),
});

const step = z.object({
  pass: z.string(),
  options: z.record(z.string(), z.unknown()),
  changed: z.boolean(),
  stats: z.record(z.string(), z.number()),
  skipped: z.array(z.object({ node: z.string(), op: z.string(), reason: z.string() })),
  seconds: z.number(),
});

const interval = z.tuple([z.number(), z.number()]);
const spread = z.object({ mean: z.number(), sd: z.number().describe('sample standard deviation over folds') });

const accuracy = z.object({
  task: z.string(),
  metric: z.string(),
  samples: z.int(),
  before: z.number(),
  after: z.number(),
  drop: z.number().describe('before minus after, as a fraction of the metric'),
  relative: z.number().optional().describe('drop / before'),
  ci95: interval.describe('95 % interval of the drop, paired bootstrap'),
  p: z.number().optional().describe("McNemar's exact test, where an example is right or wrong"),
  allowed: z.number().optional().describe('largest drop that --max-drop allows'),
  samplesNeeded: z
    .int()
    .optional()
    .describe(
      "rows to see the allowed drop with, where the interval is wider: 80 % power of McNemar's test, or an interval as narrow",
    ),
  verdict,
  secondary: z.record(z.string(), z.object({ before: z.number(), after: z.number() })),
  folds: z
    .object({ count: z.int(), before: spread, after: spread, drop: spread })
    .optional()
    .describe('--cross-validate: the metric on each of the folds'),
  saturated: z
    .object({
      before: z.number().describe('the original on these rows'),
      exact: z.number().describe('the model on these rows, without saturation'),
      after: z.number(),
      drop: z.number(),
      samples: z.int(),
    })
    .optional()
    .describe('--emulate-saturation: the metric as a CPU without VNNI gives it'),
});

const parity = z.object({
  rows: z.int(),
  cosine: z.number(),
  sqnrDb: z.number().optional().describe('absent where the outputs are equal bit by bit'),
  maxAbs: z.number(),
  agreement: z.number().optional(),
  kl: z.number().optional().describe('nats'),
  neighbours: z.number().optional().describe('share of the ten nearest neighbours that stay, feature extraction'),
  nonFinite: z.int().optional(),
});

const latency = z.object({
  batch: z.int(),
  sequence: z.int(),
  threads: z.int(),
  beforeMs: z.number().describe('median'),
  afterMs: z.number().describe('median'),
  speedup: z.number().describe('median over rounds of before / after'),
  rounds: z.int(),
  beforeCi95Ms: interval.optional().describe('95 % bootstrap interval of the median'),
  afterCi95Ms: interval.optional(),
  speedupCi95: interval.optional(),
  beforePerSecond: z.number().optional().describe('texts a second at the median'),
  afterPerSecond: z.number().optional(),
});

const memory = z
  .object({ beforePeakRssBytes: z.int(), afterPeakRssBytes: z.int() })
  .describe('peak memory of each model in a process of its own, over all shapes');

const operators = z.array(
  z.object({ op: z.string(), count: z.int(), ms: z.number().describe('a run'), share: z.number() }),
);
const profile = z.object({ batch: z.int(), sequence: z.int(), before: operators, after: operators });

const part = z.object({ name: z.string(), params: z.int(), bytes: z.int(), precision: z.string() });

const changed = z
  .array(
    z.object({
      line: z.int(),
      text: z.string(),
      textPair: z.string().optional(),
      gold: z.string().optional(),
      before: z.string(),
      after: z.string(),
      loss: z.number().describe('how much worse, in the unit of the task; sorted by it'),
    }),
  )
  .describe('examples that got worse, the worst first');

const machine = z.object({
  cpu: z.string(),
  isa: z.array(z.string()),
  cores: z.int(),
  threads: z.int().optional().describe('of onnxruntime'),
  memory: z.number(),
  onnxruntime: z.string(),
  node: z.string(),
});

const check = z.object({
  gate: z.string().describe('max-drop, min-speedup, max-size, min-metric, baseline'),
  at: z.string().optional().describe('what it was checked on, where there are several: a shape, a metric'),
  expected: z.string().describe('as people read it, with its unit'),
  found: z.string(),
  verdict,
});

const data = z.object({
  path: z.string(),
  format: z.string(),
  columns: z.record(z.string(), z.string()),
  rows: z.int().describe('rows measured'),
  total: z.int().optional().describe('rows of the file, where --samples took fewer'),
  badRows: z.int().optional().describe('rows that could not be used, where `bad` lists only the first'),
  bad: z.array(z.object({ line: z.int(), reason: z.string() })),
});

const trainedTask = z.object({
  name: z.string(),
  task: z.string(),
  output: z.string().describe('of the graph'),
  labels: z.array(z.string()).optional(),
  weight: z.number().describe('of its loss'),
  rows: z.object({ train: z.int(), dev: z.int().optional() }),
  data: data.optional().describe('rows to judge by'),
});

const training = z.object({
  steps: z.int().nonnegative(),
  epochs: z.number().describe('with a fraction'),
  seconds: z.number().describe('evaluations not counted'),
  rows: z.object({ train: z.int(), dev: z.int().optional() }),
  params: z.int().describe('numbers that were trained'),
  scaling: z
    .object({ scale: z.number(), skipped: z.int().describe('steps whose gradient overflowed float16') })
    .optional()
    .describe('of the loss, in fp16'),
  stopped: z.enum(['done', 'early', 'interrupted', 'not-finite']),
  reason: z.string().optional(),
  metric: z.string().optional().describe('of the evaluations'),
  best: z.object({ step: z.int(), metric: z.number() }).optional(),
  curve: z
    .array(z.object({ step: z.int(), loss: z.number(), parts: z.record(z.string(), z.number()), rate: z.number() }))
    .describe('means over the steps since the point before'),
  evaluations: z.array(
    z.object({
      step: z.int(),
      metric: z.number().describe('of several tasks the mean'),
      tasks: z.record(z.string(), z.number()).optional(),
    }),
  ),
  tasks: z.array(trainedTask).optional().describe('train with several --task NAME=FILE'),
});

const counts = z.object({ before: z.int(), after: z.int() });
const structure = z
  .object({
    layers: z
      .array(z.object({ heads: counts, ffn: counts }))
      .describe("the original's; 0 and 0 after: the layer is gone"),
    macs: z
      .object({ sequence: z.int(), before: z.number(), after: z.number() })
      .describe('multiply-adds of heads and neurons for one text of this many tokens'),
  })
  .describe('heads and neurons of each layer');

/** What is said of one model beside the original. */
const candidate = z.object({
  output: file,
  ratio: z.number().describe('bytes of the output / bytes of the input'),
  accuracy: accuracy.optional(),
  tasks: z
    .array(z.object({ name: z.string(), output: z.string(), accuracy }))
    .optional()
    .describe('instead of `accuracy`: each task of a model with several heads'),
  parity: parity.optional(),
  latency: z.array(latency).optional(),
  memory: memory.optional(),
  profile: profile.optional(),
  parts: z.object({ before: z.array(part), after: z.array(part) }).optional(),
  structure: structure.optional(),
  sharing: z
    .array(
      z.object({
        attention: z.int(),
        ffn: z.int(),
        basis: z
          .object({ attention: z.int(), ffn: z.int() })
          .optional()
          .describe('the first layer whose basis its weights are products with'),
      }),
    )
    .optional()
    .describe('share: for each layer the first one whose weights it reads'),
  knee: z
    .boolean()
    .optional()
    .describe('of several budgets: from here on the metric falls faster than the multiply-adds'),
  beforeHealing: z
    .object({ accuracy: accuracy.optional(), parity: parity.optional() })
    .optional()
    .describe('the pruned model before it learned from the original'),
  changed: changed.optional(),
  diagnosis: z.array(z.string()).optional().describe('what is wrong with a model that failed, as far as it shows'),
  pareto: z.boolean().optional().describe('no other model is better in size, speed and accuracy at once'),
  checks: z.array(check).optional().describe('every gate that was asked for, held or not'),
  verdict,
  failures: z.array(z.string()).describe('one line for each gate that does not hold'),
});

const baseline = z.object({
  path: z.string(),
  metric: z.string().optional(),
  value: z.number().optional().describe('the metric of the model accepted last'),
  bytes: z.int(),
  updated: z.boolean(),
});

/** Absent parts are absent, never zero. The parts of a candidate stand at the top as well where there is only one. */
export const reportSchema = candidate.partial({ output: true, ratio: true }).extend({
  schema: z.literal(REPORT_SCHEMA),
  tool: z.object({ name: z.literal('bert-compress'), version: z.string() }),
  command: z.string(),
  seed: z.int(),
  input: file,
  steps: z.array(step),
  candidates: z.array(candidate).optional().describe('validate and bench: each model held against the original'),
  data: data.optional(),
  baseline: baseline.optional(),
  training: training.optional(),
  notes: z.array(z.string()).describe('what a reader should know: what was not measured, what may differ elsewhere'),
  machine,
  seconds: z.number(),
  peakRssBytes: z.number(),
});

export type Report = z.output<typeof reportSchema>;
/** The report of a command that makes a model. */
export type CompressionReport = Omit<Report, 'output' | 'ratio'> & Pick<Candidate, 'output' | 'ratio'>;
export type ReportStep = z.output<typeof step>;
export type Check = z.output<typeof check>;
export type Accuracy = z.output<typeof accuracy>;
export type Structure = z.output<typeof structure>;
export type Training = z.output<typeof training>;
export type Latency = z.output<typeof latency>;
export type Candidate = z.output<typeof candidate>;

/** What was measured on labelled rows: once, or for each task of a model with several heads, by its name. */
export function accuraciesOf({ accuracy, tasks = [] }: Pick<Candidate, 'accuracy' | 'tasks'>): {
  readonly task?: string;
  readonly accuracy: Accuracy;
}[] {
  return [...(accuracy ? [{ accuracy }] : []), ...tasks.map((one) => ({ task: one.name, accuracy: one.accuracy }))];
}

/** The models that a report holds against the original: one for a command that makes a model. */
export function candidatesOf(report: Report): readonly Candidate[] {
  if (report.candidates) return report.candidates;
  const { output, ratio } = report;
  if (!output || ratio === undefined) return [];
  return [{ ...report, output, ratio }];
}
