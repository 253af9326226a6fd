// JSON Schema of `inspect --json`, as zod; loaded by the build and the tests only, so that the command itself starts quickly.
import * as z from 'zod';
import { INSPECT_SCHEMA } from './inspect.ts';

const perLayer = z.array(z.number().nullable());

export const inspectSchema = z.object({
  schema: z.literal(INSPECT_SCHEMA),
  model: z.object({
    path: z.string(),
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
    bytes: z.int(),
    params: z.int(),
    opset: z.int(),
    ir: z.int(),
    exporter: z.string(),
  }),
  task: z.string().nullable(),
  architecture: z.object({
    family: z.enum(['encoder', 'decoder', 'encoder-decoder', 'not-a-transformer']),
    encoders: z.int().optional(),
    layers: z.int(),
    hidden: z.int().optional(),
    heads: perLayer,
    headSize: perLayer,
    kvHeads: perLayer.optional(),
    ffn: perLayer,
    activation: z.string().optional(),
    gated: z.boolean().optional(),
    vocabulary: z.int().optional(),
    positions: z.int().optional(),
    segments: z.int().optional(),
    embedding: z.int().optional(),
    positionKind: z.array(z.string()),
    normOrder: z.enum(['pre', 'post']).optional(),
  }),
  inputs: z.object({
    ids: z.string().optional(),
    mask: z.string().optional(),
    segments: z.string().optional(),
    positions: z.string().optional(),
    others: z.array(z.string()),
  }),
  parts: z.array(z.object({ name: z.string(), params: z.int(), bytes: z.int(), precision: z.string() })),
  largest: z.array(z.object({ name: z.string(), dtype: z.string(), shape: z.array(z.int()), bytes: z.int() })),
  duplicates: z.array(
    z.object({
      kind: z.enum(['copies', 'transposed', 'shared']),
      names: z.array(z.string()),
      shape: z.array(z.int()),
      wastedBytes: z.int(),
    }),
  ),
  macs: z.object({
    batch: z.int(),
    sequence: z.int(),
    total: z.number(),
    dense: z.number(),
    attention: z.number(),
  }),
  passes: z.array(
    z.object({
      pass: z.string(),
      applicable: z.int(),
      unit: z.string().optional().describe('what is counted; nodes where absent'),
      skipped: z.array(z.object({ node: z.string(), op: z.string(), reason: z.string() })),
      refused: z.string().optional(),
    }),
  ),
  unrecognised: z.array(z.object({ part: z.string(), reason: z.string() })),
});
