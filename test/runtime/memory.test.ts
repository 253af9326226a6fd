import { statSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { writeModel } from '../../src/onnx/write.ts';
import { answerOf } from '../../src/runtime/memory-process.ts';
import { peakMemory } from '../../src/runtime/memory.ts';
import { buildBert, tinyShape } from '../support/bert.ts';
import { tempDir, writeTemp } from '../support/temp.ts';

const tiny = fileURLToPath(new URL('../support/tiny/classifier.onnx', import.meta.url));
const ints = (value: number) =>
  ({ dtype: 'int64', dims: [2, 8], data: new BigInt64Array(16).fill(BigInt(value)) }) as const;
const feeds = { input_ids: ints(3), attention_mask: ints(1) };
const MB = 1e6;

describe('peakMemory', () => {
  it('is more than that of Node and onnxruntime alone, and less than a machine has', async () => {
    const { peakRssBytes, bareRssBytes } = await peakMemory(tiny, [feeds], { threads: 1 });
    expect(bareRssBytes).toBeGreaterThan(20 * MB);
    expect(peakRssBytes).toBeGreaterThan(bareRssBytes);
    expect(peakRssBytes).toBeLessThan(250 * MB);
  });

  it('follows the weights, and not what the process holds that asks', async () => {
    const path = `${tempDir()}/model.onnx`;
    writeModel(buildBert({ ...tinyShape, vocabulary: 20_000, hidden: 256 }), path); // 20 MB
    const held = Buffer.alloc(250 * MB, 1);
    const small = await peakMemory(tiny, [feeds], { threads: 1 });
    const large = await peakMemory(path, [{ ...feeds, token_type_ids: ints(0) }], { threads: 1 });
    expect(small.peakRssBytes).toBeLessThan(held.length);
    expect(large.peakRssBytes - small.peakRssBytes).toBeGreaterThan(0.9 * statSync(path).size);
  });

  it('says in one line what does not load or run', async () => {
    const path = writeTemp('no model', 'model.onnx');
    const why = /^m: expected the model to run in a process of its own, found: \S.*$/;
    await expect(peakMemory(path, [feeds], { name: 'm' })).rejects.toThrow(why);
    await expect(peakMemory(tiny, [{ input_ids: ints(3) }], { name: 'm' })).rejects.toThrow(why);
  });

  it('stops when told to', async () => {
    const signal = AbortSignal.abort(new Error('enough'));
    await expect(peakMemory(tiny, [feeds], { signal })).rejects.toThrow('enough');
    const soon = new AbortController();
    setTimeout(() => soon.abort(new Error('enough')), 20);
    await expect(peakMemory(tiny, [feeds], { signal: soon.signal })).rejects.toThrow('enough');
  });
});

describe('answerOf', () => {
  it('gives the answer, arrays as they are', async () => {
    const echo = "process.once('message', (given) => process.send(given, () => process.exit(0)))";
    expect(await answerOf(echo, { a: BigInt64Array.of(5n) })).toEqual({ a: BigInt64Array.of(5n) });
  });

  it.each([
    ["process.kill(process.pid, 'SIGKILL')", /^the process was ended by SIGKILL$/],
    ["console.error('terminate called'); process.abort()", /^the process was ended by SIGABRT: /],
    ['process.exit(7)', /^the process ended with code 7$/],
  ])('tells how a process ended that gave none: %s', async (crash, why) => {
    await expect(answerOf(`process.once('message', () => { ${crash} })`, {})).rejects.toThrow(why);
    await expect(answerOf(crash, {})).rejects.toThrow(why); // before it listens
  });
});
