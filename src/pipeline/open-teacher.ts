// Opens what a distillation asks: the teacher's graph with the signals as outputs, and the cache of what it gave before.
import { createHash } from 'node:crypto';
import { hashFile } from '../onnx/hash.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { openSession } from '../runtime/session.ts';
import type { DistillSetUp } from './distill-set-up.ts';
import type { KnownModel } from './known-model.ts';
import { TeacherCache, cacheBytes, cacheFolder, cacheKey } from './teacher-cache.ts';
import { teacherOf, type Teacher } from './teacher.ts';
import { sessionOptions, type RunOptions, type Scratch } from './training.ts';

export interface CacheOptions {
  /** Most bytes of the teacher's outputs on disk; 0: none are kept. */
  readonly cache: number;
  /** Default `cacheFolder()`. */
  readonly cacheFolder?: string | undefined;
}

export interface OpenTeacher {
  readonly teacher: Teacher;
  /** Of the teacher's files. */
  readonly hash: string;
  /** What became of the cache. */
  notes(): string[];
  close(): Promise<void>;
}

/** Throws ModelError where the teacher does not load. */
export async function openTeacher(
  setUp: DistillSetUp,
  options: CacheOptions & RunOptions,
  scratch: Scratch,
): Promise<OpenTeacher> {
  const { matched, teacherFeeding } = setUp;
  const hash = await hashOf(setUp.teacher);
  const session = await openSession(scratch.write(matched.teacher), sessionOptions('the teacher', options));
  const { cache, note } = openCache(setUp, options, hash);
  const teacher = teacherOf(session, teacherFeeding.roles, matched.signals, cache);
  return {
    teacher,
    hash,
    notes() {
      const { ran, cached } = teacher.counts;
      return [note, `the teacher ran for ${ran} batches; those of ${cached} came from the cache`];
    },
    async close() {
      cache?.close();
      await session.release();
    },
  };
}

/** Of the model's files, external data as well. */
async function hashOf({ path, model }: KnownModel): Promise<string> {
  const files = await Promise.all(sourceFiles(path.onnxPath, model).map((file) => hashFile(file.path)));
  return createHash('sha256').update(files.join()).digest('hex');
}

/** A part of what a batch needs saves nothing: the teacher would run for the rest. So all is kept or none. */
function openCache(
  { samples, matched: { signals } }: DistillSetUp,
  { cache: bound, cacheFolder: folder = cacheFolder() }: CacheOptions,
  teacher: string,
): { cache?: TeacherCache; note: string } {
  const none = (why: string) => ({ note: `teacher outputs were not kept: ${why}` });
  if (bound === 0) return none('--cache 0');
  if (signals.some(({ each }) => each === 'other')) return none('attention scores and values are not kept on disk');
  const ids = samples.map(({ sequences }) => sequences[0]!.ids);
  const layout = { signals, lengths: ids.map(({ length }) => length) };
  const bytes = cacheBytes(layout);
  if (bytes > bound) return none(`${megabytes(bytes)} are more than --cache ${megabytes(bound)}`);
  const cache = new TeacherCache(folder, cacheKey(teacher, layout, ids), layout, bound);
  return { cache, note: `teacher outputs are kept on disk: ${megabytes(bytes)}` };
}

function megabytes(bytes: number): string {
  return `${(bytes / 1e6).toFixed(1)} MB`;
}
