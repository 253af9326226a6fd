import { execFileSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, it } from 'vitest';
import { openSession, type Session } from '../../src/runtime/session.ts';

const tiny = (name: string): string => fileURLToPath(new URL(`../support/tiny/${name}.onnx`, import.meta.url));
const open: Session[] = [];
const load = async (...args: Parameters<typeof openSession>): Promise<Session> => {
  const session = await openSession(...args);
  open.push(session);
  return session;
};
const ints = (values: number[], dims: number[]) =>
  ({ dtype: 'int64', dims, data: BigInt64Array.from(values, BigInt) }) as const;

afterEach(async () => {
  await Promise.all(open.splice(0).map((session) => session.release()));
});

describe('openSession', () => {
  it('describes inputs and outputs', async () => {
    const session = await load(tiny('classifier'), { threads: 1 });
    expect(session.threads).toBe(1);
    expect(session.inputs).toEqual([
      { name: 'input_ids', dtype: 'int64', shape: ['batch', 'sequence'] },
      { name: 'attention_mask', dtype: 'int64', shape: ['batch', 'sequence'] },
    ]);
    expect(session.outputs).toEqual([{ name: 'logits', dtype: 'float32', shape: ['batch', 2] }]);
  });

  it('runs alike from a file, from bytes, unoptimised and light', async () => {
    const feeds = { input_ids: ints([1, 2, 3, 4], [2, 2]), attention_mask: ints([1, 1, 1, 0], [2, 2]) };
    const results: unknown[] = [];
    const bytes = new Uint8Array(await readFile(tiny('classifier')));
    for (const [model, options] of [
      [tiny('classifier'), {}],
      [bytes, {}],
      [tiny('classifier'), { optimize: false }],
      [tiny('classifier'), { light: true }],
      [tiny('classifier'), { memoryPattern: false }],
    ] as const) {
      const { logits } = await (await load(model, { threads: 1, ...options })).run(feeds);
      expect(logits).toMatchObject({ dtype: 'float32', dims: [2, 2] });
      results.push(Array.from(logits!.data as Float32Array, (value) => value.toFixed(5)));
    }
    for (const result of results) expect(result).toEqual(results[0]);
  });

  it('gives float16 as bits, and only the outputs asked for', async () => {
    const session = await load(tiny('encoder-half'), { threads: 1 });
    const outputs = await session.run({ input_ids: ints([1, 2], [1, 2]) }, ['token_sums']);
    expect(Object.keys(outputs)).toEqual(['token_sums']);
    expect(outputs['token_sums']).toMatchObject({ dtype: 'float16', dims: [1, 2] });
    expect(outputs['token_sums']!.data).toBeInstanceOf(Uint16Array);
  });

  it('computes outputs in the arrays given for them', async () => {
    const session = await load(tiny('classifier'), { threads: 1 });
    const feeds = { input_ids: ints([1, 2, 3, 4], [2, 2]), attention_mask: ints([1, 1, 1, 0], [2, 2]) };
    const { logits } = await session.run(feeds);
    const memory = new Float32Array(12);
    const into = { dtype: 'float32', dims: [2, 2], data: memory.subarray(4, 8) } as const;
    expect((await session.run(feeds, { logits: into }))['logits']).toBe(into);
    expect(memory.subarray(4, 8)).toEqual(logits!.data);
    expect([...memory.subarray(0, 4), ...memory.subarray(8)]).toEqual(Array(8).fill(0));
    expect((await session.run(feeds, { logits: null }))['logits']).toEqual(logits);
    await expect(session.run(feeds, { logits: { ...into, dims: [4, 1] } })).rejects.toThrow(
      /expected the model to run, found: .*invalid dimensions for output: logits/,
    );
  });

  it('says in one line why a model does not load', async () => {
    await expect(openSession('nowhere.onnx', { name: 'mine' })).rejects.toThrow(
      /^mine: expected a model that onnxruntime can load, found: .*File doesn't exist$/,
    );
    const text = new TextEncoder().encode('not a model');
    await expect(openSession(text, { name: 'mine' })).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.not.stringContaining('\n'),
    });
  });

  it('refuses a provider that is not there instead of falling back', async () => {
    await expect(openSession(tiny('classifier'), { providers: ['abacus', 'cpu'] })).rejects.toThrow(
      /^provider: expected one of .*cpu.* on this machine, found 'abacus'$/,
    );
  });

  it('says why a run fails', async () => {
    const session = await load(tiny('classifier'), { threads: 1, name: 'mine' });
    const mask = ints([1, 1], [1, 2]);
    await expect(session.run({ input_ids: mask })).rejects.toThrow(
      "mine: expected the model to run, found: input 'attention_mask' is missing in 'feeds'.",
    );
    await expect(session.run({ input_ids: ints([1, 999], [1, 2]), attention_mask: mask })).rejects.toThrow(
      /op Gather: indices element out of data bounds, idx=999/,
    );
    const wrong = { dtype: 'int64', dims: [1, 2], data: new Int32Array(2) } as const;
    await expect(session.run({ input_ids: wrong, attention_mask: mask })).rejects.toThrow(
      'tensor: expected BigInt64Array, found Int32Array of int64',
    );
  });

  it('releases twice without harm', async () => {
    const session = await openSession(tiny('classifier'), { threads: 1 });
    await session.release();
    await session.release();
  });

  it('loads nothing native when the module is only imported', () => {
    const script = `await import(${JSON.stringify(new URL('../../src/runtime/session.ts', import.meta.url).href)});
      process.stdout.write(String(process.report.getReport().sharedObjects.some((path) => path.includes('onnxruntime'))));`;
    const args = ['--import', 'tsx', '--input-type=module', '-e', script];
    expect(execFileSync(process.execPath, args, { encoding: 'utf8' })).toBe('false');
  });
});
