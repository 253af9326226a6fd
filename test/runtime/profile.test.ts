import { readdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { profileOperators, sumUp } from '../../src/runtime/profile.ts';
import type { Session } from '../../src/runtime/session.ts';

const tiny = fileURLToPath(new URL('../support/tiny/classifier.onnx', import.meta.url));
const ints = (values: number[]) =>
  ({ dtype: 'int64', dims: [1, values.length], data: BigInt64Array.from(values, BigInt) }) as const;
const folders = (): string[] => readdirSync(tmpdir()).filter((name) => name.startsWith('bert-compress-profile-'));

describe('profileOperators', () => {
  it('counts the nodes of a run and shares out their time, and leaves no file', async () => {
    const before = folders();
    const run = (session: Session) => session.run({ input_ids: ints([1, 2, 3]), attention_mask: ints([1, 1, 1]) });
    const once = await profileOperators(tiny, { threads: 1 }, run, 1);
    const often = await profileOperators(tiny, { threads: 1 }, run, 4);
    expect(often.map(({ op, count }) => `${op} ${count}`).toSorted()).toEqual(
      once.map(({ op, count }) => `${op} ${count}`).toSorted(),
    );
    expect(often.map(({ op }) => op)).toContain('Gather');
    expect(often.reduce((sum, { share }) => sum + share, 0)).toBeCloseTo(1, 9);
    expect(often.map(({ ms }) => ms)).toEqual(often.map(({ ms }) => ms).toSorted((a, b) => b - a));
    expect(folders()).toEqual(before);
  });

  it('says what does not run, and leaves no file', async () => {
    const before = folders();
    const run = (session: Session) => session.run({ input_ids: ints([1]) });
    await expect(profileOperators(tiny, { name: 'm' }, run)).rejects.toThrow(/^m: expected the model to run, found: /);
    expect(folders()).toEqual(before);
  });
});

describe('sumUp', () => {
  const run = (ts: number): object => ({ cat: 'Session', name: 'model_run', ts, dur: 100 });
  const node = (op: string, ts: number, dur: number): object => ({
    cat: 'Node',
    name: `n_${op}_kernel_time`,
    ts,
    dur,
    args: { op_name: op },
  });

  it('leaves out the first runs', () => {
    const trace = [run(0), node('Add', 1, 90), run(200), node('Add', 201, 10), run(400), node('Add', 401, 30)];
    expect(sumUp(JSON.stringify(trace), 1)).toEqual([{ op: 'Add', count: 1, ms: 0.02, share: 1 }]);
  });

  it('counts the time of a node inside an If once', () => {
    const trace = [run(0), node('MatMul', 10, 30), node('If', 5, 50), node('Add', 60, 20)];
    expect(sumUp(JSON.stringify(trace), 0)).toEqual([
      { op: 'MatMul', count: 1, ms: 0.03, share: 30 / 70 },
      { op: 'Add', count: 1, ms: 0.02, share: 20 / 70 },
      { op: 'If', count: 1, ms: 0.02, share: 20 / 70 },
    ]);
  });
});
