// Opens what a distillation asks: the teachers' graphs with the signals as outputs, and the caches of what they gave before.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hashFile } from '../../onnx/hash.ts';
import { onnxruntimeVersion } from '../../runtime/machine.ts';
import { openSession } from '../../runtime/session.ts';
import type { AskedTeacher, DistillSetUp } from './set-up.ts';
import type { CacheFolder } from '../learn/cache-folder.ts';
import { TeacherCache, cacheBytes, cacheKey } from './teacher-cache.ts';
import type { Encoding } from '../../data/tokenizer/tokenizer.ts';
import { teacherOf, type Teacher } from './teacher.ts';
import { sessionOptions, type RunOptions, type Scratch } from '../learn/training.ts';

export interface OpenTeacher {
  readonly teacher: Teacher;
  /** Of the graph that is asked, weights included. */
  readonly hash: string;
  /** What became of the cache. */
  notes(): string[];
  close(): Promise<void>;
}

/** Opens them in turn; each gets the room that those before it left. Throws ModelError where one does not load. */
export async function openTeachers(
  setUp: DistillSetUp,
  options: RunOptions,
  cache: CacheFolder,
  scratch: Scratch,
): Promise<OpenTeacher[]> {
  const opened: OpenTeacher[] = [];
  try {
    for (const asked of setUp.teachers) opened.push(await openTeacher(asked, setUp, options, cache, scratch));
    return opened;
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

async function openTeacher(
  asked: AskedTeacher,
  { samples, textOf, teachers }: DistillSetUp,
  options: RunOptions,
  folder: CacheFolder,
  scratch: Scratch,
): Promise<OpenTeacher> {
  const { model, signals, feeding, known, weight, values, sameTokens, tokenizer, maxLength } = asked;
  const path = scratch.write(model);
  const hash = await hashOf(path);
  const encode = (row: number): Encoding => {
    if (sameTokens) return samples[row]!.sequences[0]!;
    const { text, textPair } = textOf(row);
    return tokenizer.encode(text, textPair, maxLength);
  };
  const { cache, note } = openCache(asked, { rows: samples.length, encode }, folder, [hash, options.ep]);
  const session = await openSession(path, sessionOptions(`the ${values.who}`, options));
  const teacher = teacherOf(session, feeding, signals, { cache, ...(sameTokens ? {} : { encode }) });
  const name = teachers.length === 1 ? '' : `${known.path.onnxPath}, weight ${weight}: `;
  return {
    teacher,
    hash,
    notes() {
      const { ran, cached } = teacher.counts;
      const notes = [note, `the teacher ran for ${ran} batches; those of ${cached} came from the cache`];
      return [...notes, ...(cache?.trouble ? [cache.trouble] : [])].map((one) => `${name}${one}`);
    },
    async close() {
      cache?.close();
      await session.release();
    },
  };
}

/** Of a written model and its data. */
export async function hashOf(path: string): Promise<string> {
  const files = [path, `${path}_data`].filter((file) => existsSync(file));
  const hashes = await Promise.all(files.map((file) => hashFile(file)));
  return createHash('sha256').update(hashes.join()).digest('hex');
}

interface Tokens {
  readonly rows: number;
  encode(row: number): Encoding;
}

/**
 * A part of what a batch needs saves nothing: the teacher would run for the rest. So all is kept or none.
 * @param of what the outputs depend on beside tokens and onnxruntime
 */
function openCache(
  { signals, feeding: { padId, padSide, fixed } }: AskedTeacher,
  { rows, encode }: Tokens,
  folder: CacheFolder,
  of: readonly unknown[],
): { cache?: TeacherCache; note: string } {
  const none = (why: string) => ({ note: `teacher outputs were not kept: ${why}` });
  if (folder.left <= 0) return none('--cache 0');
  if (signals.some(({ each }) => each === 'other')) return none('attention scores and values are not kept on disk');
  const identity = JSON.stringify([...of, onnxruntimeVersion(), padId, padSide, fixed, signals]);
  const { key, lengths } = cacheKey(identity, rows, encode);
  const layout = { signals, lengths };
  const bytes = cacheBytes(layout);
  if (bytes > folder.left) return none(`${megabytes(bytes)} are more than --cache ${megabytes(folder.left)}`);
  const cache = new TeacherCache(folder.take(key, bytes), layout);
  return { cache, note: `teacher outputs are kept on disk: ${megabytes(bytes)}` };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
