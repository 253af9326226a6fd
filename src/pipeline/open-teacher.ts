// Opens what a distillation asks: the teachers' graphs with the signals as outputs, and the caches of what they gave before.
import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';
import { hashFile } from '../onnx/hash.ts';
import { onnxruntimeVersion } from '../runtime/machine.ts';
import { openSession } from '../runtime/session.ts';
import type { AskedTeacher, DistillSetUp } from './distill-set-up.ts';
import { TeacherCache, cacheBytes, cacheFolder, cacheKey } from './teacher-cache.ts';
import { teacherOf, type Teacher } from './teacher.ts';
import { sessionOptions, type RunOptions, type Scratch } from './training.ts';

export interface CacheOptions {
  /** Most bytes of the teachers' outputs on disk; 0: none are kept. */
  readonly cache: number;
  /** Default `cacheFolder()`. */
  readonly cacheFolder?: string | undefined;
}

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
  { teachers, samples }: Pick<DistillSetUp, 'teachers' | 'samples'>,
  options: CacheOptions & RunOptions,
  scratch: Scratch,
): Promise<OpenTeacher[]> {
  const opened: OpenTeacher[] = [];
  const caches = new Caches(options);
  try {
    for (const asked of teachers) opened.push(await openTeacher(asked, samples.length, caches, options, scratch));
    return opened;
  } catch (error) {
    for (const one of opened) await one.close();
    throw error;
  }
}

async function openTeacher(
  asked: AskedTeacher,
  rows: number,
  caches: Caches,
  options: RunOptions,
  scratch: Scratch,
): Promise<OpenTeacher> {
  const { model, signals, feeding, known, weight, values } = asked;
  const path = scratch.write(model);
  const hash = await hashOf(path);
  const { cache, note } = caches.open(asked, rows, [hash, options.ep]);
  const session = await openSession(path, sessionOptions(`the ${values.who}`, options));
  const teacher = teacherOf(session, feeding, signals, { cache, ...(asked.sameTokens ? {} : { encode: asked.encode }) });
  const name = values.who === 'teacher' ? '' : `${known.path.onnxPath}, weight ${weight}: `;
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
async function hashOf(path: string): Promise<string> {
  const files = [path, `${path}_data`].filter((file) => existsSync(file));
  const hashes = await Promise.all(files.map((file) => hashFile(file)));
  return createHash('sha256').update(hashes.join()).digest('hex');
}

/** The caches of one run, which share a bound. */
class Caches {
  readonly #folder: string;
  readonly #bound: number;
  /** Bytes and names of those that were opened. */
  #taken = 0;
  readonly #keys = new Set<string>();

  constructor({ cache, cacheFolder: folder = cacheFolder() }: CacheOptions) {
    this.#folder = folder;
    this.#bound = cache;
  }

  /**
   * A part of what a batch needs saves nothing: the teacher would run for the rest. So all is kept or none.
   * @param of what the outputs depend on beside tokens and onnxruntime
   */
  open({ signals, encode, feeding }: AskedTeacher, rows: number, of: unknown[]): { cache?: TeacherCache; note: string } {
    const none = (why: string) => ({ note: `teacher outputs were not kept: ${why}` });
    if (this.#bound === 0) return none('--cache 0');
    if (signals.some(({ each }) => each === 'other')) return none('attention scores and values are not kept on disk');
    const lengths = Int32Array.from({ length: rows }, (_, row) => encode(row).ids.length);
    const layout = { signals, lengths };
    const bytes = cacheBytes(layout);
    const left = this.#bound - this.#taken;
    if (bytes > left) return none(`${megabytes(bytes)} are more than --cache ${megabytes(left)}`);
    const { padId, padSide, fixed } = feeding;
    const identity = JSON.stringify([...of, onnxruntimeVersion(), padId, padSide, fixed]);
    const key = cacheKey(identity, layout, encodings(rows, encode));
    const cache = new TeacherCache(this.#folder, key, layout, left, this.#keys);
    this.#taken += bytes;
    this.#keys.add(key);
    return { cache, note: `teacher outputs are kept on disk: ${megabytes(bytes)}` };
  }
}

function* encodings(rows: number, encode: AskedTeacher['encode']): Generator<ReturnType<AskedTeacher['encode']>> {
  for (let row = 0; row < rows; row++) yield encode(row);
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
