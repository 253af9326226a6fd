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
});

const step = z.object({
  pass: z.string(),
  options: z.record(z.string(), z.unknown()),
  changed: z.boolean(),
  stats: z.record(z.string(), z.number()),
  skipped: z.array(z.object({ node: z.string(), op: z.string(), reason: z.string() })),
  seconds: z.number(),
});

const accuracy = z.object({
  task: z.string(),
  metric: z.string(),
  samples: z.int(),
  before: z.number(),
  after: z.number(),
  drop: z.number().describe('before minus after, as a fraction of the metric'),
  relative: z.number().optional().describe('drop / before'),
  ci95: z.tuple([z.number(), z.number()]).describe('95 % interval of the drop, paired bootstrap'),
  p: z.number().optional().describe("McNemar's exact test, classification only"),
  allowed: z.number().optional().describe('largest drop that --max-drop allows'),
  verdict,
  secondary: z.record(z.string(), z.object({ before: z.number(), after: z.number() })),
});

const parity = z.object({
  rows: z.int(),
  cosine: z.number(),
  sqnrDb: z.number().optional().describe('absent where the outputs are equal bit by bit'),
  maxAbs: z.number(),
  agreement: z.number().optional(),
  kl: z.number().optional().describe('nats'),
  nonFinite: z.int().optional(),
});

const latency = z.object({
  batch: z.int(),
  sequence: z.int(),
  threads: z.int(),
  beforeMs: z.number(),
  afterMs: z.number(),
  speedup: z.number().describe('median over rounds of before / after'),
  rounds: z.int(),
});

const machine = z.object({
  cpu: z.string(),
  isa: z.array(z.string()),
  cores: z.int(),
  memory: z.number(),
  onnxruntime: z.string(),
  node: z.string(),
});

/** Absent parts are absent, never zero. */
export const reportSchema = z.object({
  schema: z.literal(REPORT_SCHEMA),
  tool: z.object({ name: z.literal('bert-compress'), version: z.string() }),
  command: z.string(),
  seed: z.int(),
  verdict,
  failures: z.array(z.string()).describe('one line for each gate that does not hold'),
  input: file,
  output: file,
  ratio: z.number().describe('bytes of the output / bytes of the input'),
  steps: z.array(step),
  accuracy: accuracy.optional(),
  parity: parity.optional(),
  latency: z.array(latency).optional(),
  data: z
    .object({
      path: z.string(),
      format: z.string(),
      columns: z.record(z.string(), z.string()),
      rows: z.int(),
      bad: z.array(z.object({ line: z.int(), reason: z.string() })),
    })
    .optional(),
  notes: z.array(z.string()).describe('what a reader should know: what was not measured, what may differ elsewhere'),
  machine,
  seconds: z.number(),
  peakRssBytes: z.number(),
});

export type Report = z.output<typeof reportSchema>;
export type ReportStep = z.output<typeof step>;
