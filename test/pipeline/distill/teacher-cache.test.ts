// The cache of a teacher: what comes out is what went in, bounded, and asked for by content.
import { existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { Encoding } from '../../../src/data/tokenizer/tokenizer.ts';
import type { HostTensor } from '../../../src/ir/host-tensor.ts';
import { padSequences } from '../../../src/objectives/pad.ts';
import type { Signal } from '../../../src/passes/student/teacher-graph.ts';
import { CacheFolder } from '../../../src/pipeline/learn/cache-folder.ts';
import { cacheBytes, cacheKey, TeacherCache } from '../../../src/pipeline/distill/teacher-cache.ts';
import { teacherOf } from '../../../src/pipeline/distill/teacher.ts';
import type { Session } from '../../../src/runtime/session.ts';
import { tempDir } from '../../support/temp.ts';

const signals: readonly Signal[] = [
  { name: 'logits', dtype: 'float32', each: 'text', width: 2 },
  { name: 'hidden', dtype: 'float16', each: 'token', width: 3 },
  { name: 'start', dtype: 'float32', each: 'token', width: 1, flat: true },
];
const rows = [3, 5, 2].map((length, row) => Int32Array.from({ length }, (_, i) => 10 * row + i + 1));
const layout = { signals, lengths: rows.map(({ length }) => length) };

/** Gives outputs made of the token ids, so that a row's are the same in any batch. */
function echo(): { session: Session; runs: number } {
  const state = { runs: 0 };
  const run = async (feeds: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> => {
    state.runs++;
    const { dims, data } = feeds['input_ids']!;
    const [size, sequence] = dims as [number, number];
    const ids = Array.from(data, Number);
    const first = Array.from({ length: size }, (_, r) => ids.slice(r * sequence, (r + 1) * sequence).find((id) => id > 0)!); // prettier-ignore
    return {
      logits: { dtype: 'float32', dims: [size, 2], data: Float32Array.from(first.flatMap((id) => [id, id / 2])) },
      hidden: {
        dtype: 'float16',
        dims: [size, sequence, 3],
        data: Uint16Array.from(ids.flatMap((id) => [id, id, id])),
      },
      start: { dtype: 'float32', dims: [size, sequence], data: Float32Array.from(ids) },
    };
  };
  const inputs = [{ name: 'input_ids', dtype: 'int64', shape: ['b', 's'] }] as const;
  const session: Session = { name: 'echo', inputs, outputs: [], threads: 1, run, release: async () => {} };
  return { session, get runs() { return state.runs; } }; // prettier-ignore
}

function batchOf(members: readonly number[], padSide: 'left' | 'right') {
  const sequences = members.map((row) => ({ ids: rows[row]!, segments: new Uint8Array(rows[row]!.length) }));
  return padSequences(sequences, { padId: 0, padSide });
}

const open = (folder: string, key: string, bound = 1e6): TeacherCache =>
  new TeacherCache(new CacheFolder({ cache: bound, cacheFolder: folder }).take(key, cacheBytes(layout)), layout);
const encoding = (ids: Int32Array, segment = 0): Encoding => ({
  ids,
  segments: new Uint8Array(ids.length).fill(segment),
});
const encodings = rows.map((ids) => encoding(ids));
const keyOf = (teacher: string, of = encodings): string => cacheKey(teacher, of.length, (row) => of[row]!).key;
const feeding = { roles: { ids: 'input_ids' }, fixed: {}, padId: 0, padSide: 'right' } as const;

describe.each(['left', 'right'] as const)('teacherOf with padding on the %s', (padSide) => {
  it('gives from the cache what the teacher gave, in other company and after a new start', async () => {
    const folder = tempDir();
    const { session } = echo();
    const first = open(folder, keyOf('a'));
    const teacher = teacherOf(session, feeding, signals, { cache: first });
    for (const members of [[0, 1], [2]]) await teacher.signals(members, batchOf(members, padSide));
    first.close();
    const again = echo();
    const cached = teacherOf(again.session, feeding, signals, { cache: open(folder, keyOf('a')) });
    const members = [2, 0];
    const given = await cached.signals(members, batchOf(members, padSide));
    const { session: plain } = echo();
    expect(given).toEqual(await teacherOf(plain, feeding, signals).signals(members, batchOf(members, padSide))); // prettier-ignore
    expect([again.runs, cached.counts]).toEqual([0, { ran: 0, cached: 1 }]);
  });
});

describe('TeacherCache', () => {
  it('takes as many bytes as its rows', () => {
    expect(cacheBytes(layout)).toBe(3 * 2 * 4 + 10 * (3 * 2 + 4));
  });

  it('is another one for another teacher, other texts, other segments', () => {
    const last = (changed: Encoding): Encoding[] => [...encodings.slice(0, 2), changed];
    const keys = [
      keyOf('a'),
      keyOf('b'),
      keyOf('a', last(encoding(Int32Array.of(1, 2)))),
      keyOf('a', last(encoding(rows[2]!, 1))),
    ];
    expect(new Set(keys).size).toBe(4);
    expect(cacheKey('a', 3, (row) => encodings[row]!).lengths).toEqual(Int32Array.from(layout.lengths));
  });

  it('does without where the disk refuses, or another run removed it', () => {
    const folder = tempDir();
    const cache = open(folder, keyOf('a'));
    rmSync(join(folder, keyOf('a')), { recursive: true });
    open(folder, keyOf('a')).close();
    cache.write(0, new Uint8Array(cache.size(0)));
    cache.close();
    expect(cache.trouble).toBe('teacher outputs were kept no longer: another run removed them to make room');
    expect(open(folder, keyOf('a')).has(0)).toBe(false);
    const file = join(folder, keyOf('a'), 'rows.bin');
    expect(() => open(file, keyOf('a'))).toThrow(`${file}: expected a place that can be written`);
  });

  it('forgets what a note that was cut off says', () => {
    const folder = tempDir();
    const cache = open(folder, keyOf('a'));
    cache.write(0, new Uint8Array(cache.size(0)));
    cache.close();
    writeFileSync(join(folder, keyOf('a'), 'done.bin'), Uint8Array.of(1));
    expect(open(folder, keyOf('a')).has(0)).toBe(false);
  });

  it('removes the cache that was longest unused where the bound is passed', async () => {
    const folder = tempDir();
    const keys = ['a', 'b', 'c'].map((teacher) => keyOf(teacher));
    for (const key of keys) {
      open(folder, key, 2.5 * cacheBytes(layout)).close();
      await new Promise((done) => setTimeout(done, 20));
    }
    expect(readdirSync(folder).toSorted()).toEqual(keys.slice(1).toSorted());
  });

  it('forgets rows that were written and not noted, as after a kill', () => {
    const folder = tempDir();
    const killed = open(folder, keyOf('a'));
    killed.write(0, new Uint8Array(killed.size(0)));
    expect(open(folder, keyOf('a')).has(0)).toBe(false);
    killed.close();
    expect(open(folder, keyOf('a')).has(0)).toBe(true);
    expect(existsSync(join(folder, keyOf('a'), 'rows.bin'))).toBe(true);
  });
});
