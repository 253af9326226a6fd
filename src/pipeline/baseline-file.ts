// The baseline file: the figures of the models accepted last, one entry for each task and data file.
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import * as z from 'zod';
import { DataError, UsageError } from '../errors.ts';

/** Version of the file's form; a file of another version is refused. */
export const BASELINE_SCHEMA = 'bert-compress/baseline/1';

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);

const entrySchema = z
  .object({
    task: z.string(),
    data: z.object({
      path: z.string().describe('from the folder of the baseline file, with /'),
      sha256: sha256.describe('of the data file'),
      rows: z.int().nonnegative().describe('rows measured'),
      columns: z.record(z.string(), z.string()),
      seed: z.int().optional().describe('of the sample, where fewer rows were measured than the file has'),
    }),
    metric: z.string().optional().describe('absent for a task without labels'),
    value: z.number().optional().describe('the metric of the accepted model, a fraction of which more is better'),
    bytes: z.int().nonnegative().describe('model and external data'),
    speedup: z
      .record(z.string(), z.number())
      .optional()
      .describe('by batch x sequence, where measured; never compared'),
    model: sha256.describe('of the .onnx file'),
    date: z.iso.date(),
    tool: z.string().describe('version of bert-compress'),
  })
  .refine(
    (entry) => (entry.metric === undefined) === (entry.value === undefined),
    'expected metric and value, or neither',
  );

export const baselineSchema = z.object({
  schema: z.literal(BASELINE_SCHEMA),
  entries: z.record(z.string(), entrySchema).describe('by task and path of the data'),
});

export type BaselineEntry = z.output<typeof entrySchema>;
export type Baseline = z.output<typeof baselineSchema>;

/** Where the entry of a task and a data file stands. */
export function keyOf({ task, data }: Pick<BaselineEntry, 'task' | 'data'>): string {
  return `${task} on ${data.path}`;
}

/**
 * Read a baseline file.
 * @throws UsageError where there is none
 * @throws DataError where it is no JSON, of another version, or not of the form
 */
export function readBaseline(path: string): Baseline {
  if (!existsSync(path))
    throw new UsageError(
      `--baseline: expected a baseline file, found nothing at '${path}': --update-baseline makes one of the accepted model`,
    );
  const json = parse(path);
  const version = typeof json === 'object' && json !== null && 'schema' in json ? json.schema : undefined;
  if (version !== BASELINE_SCHEMA)
    throw new DataError(`${path}: expected "schema": "${BASELINE_SCHEMA}", found ${JSON.stringify(version)}`);
  const result = baselineSchema.safeParse(json);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  throw new DataError(`${path}: expected a baseline, found in ${issue?.path.join(' > ')}: ${issue?.message}`);
}

function parse(path: string): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (cause) {
    const message = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw new DataError(`${path}: expected JSON, found: ${message}`, { cause });
  }
}

/** Write the file under a temporary name beside its place, then rename it: a reader sees the old file or the new one. */
export function writeBaseline(path: string, baseline: Baseline): void {
  mkdirSync(dirname(path), { recursive: true });
  const temporary = `${path}.${process.pid}.tmp`;
  try {
    writeFileSync(temporary, formatBaseline(baseline));
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

/** The same entries give the same text: entries by key, fields in the order of the schema, so that diffs show what changed. */
export function formatBaseline({ entries }: Baseline): string {
  // zod gives fields in the order of the schema
  const ordered = Object.keys(entries)
    .toSorted()
    .map((key) => [key, entrySchema.parse(entries[key])] as const);
  return `${JSON.stringify({ schema: BASELINE_SCHEMA, entries: Object.fromEntries(ordered) }, null, 2)}\n`;
}
