// Whose labels and tokenizer a candidate is counted by: its own configuration, in whatever order, and what happens without one.
import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { validate } from '../../src/index.ts';
import type { Model } from '../../src/ir/graph.ts';
import { memoryTensor } from '../../src/ir/tensor.ts';
import { fixture, fixtureWith, type JsonEdit } from '../support/fixture.ts';

const options = {
  data: join(fixture, 'dev.tsv'),
  samples: 60,
  bench: false,
  threads: 1,
  maxDrop: '1pt',
  showChanged: 5,
};

const named =
  (change: (names: string[]) => string[]): JsonEdit =>
  (config) => {
    const names = Object.values(config['id2label'] as Record<string, string>);
    config['id2label'] = { ...change(names) };
    delete config['label2id'];
  };
const reversed = named((names) => names.toReversed());

/** The classifier's rows and biases in reverse: with reversed names it says what it said. */
function reverseClasses({ graph }: Model): void {
  for (const name of ['classifier.weight', 'classifier.bias']) {
    const { dtype, shape, ...tensor } = graph.initializers.get(name)!;
    const bytes = tensor.bytes().slice();
    const width = bytes.length / shape[0]!;
    const rows = Array.from({ length: shape[0]! }, (_, i) => bytes.slice(i * width, (i + 1) * width));
    graph.initializers.set(name, memoryTensor(dtype, shape, Buffer.concat(rows.toReversed())));
  }
}

describe('a candidate with labels in another order', () => {
  it('is counted by name: the same model written the other way round is the same', async () => {
    const folder = fixtureWith({ model: reverseClasses, json: { 'config.json': reversed } });
    const report = await validate(fixture, [folder], options);
    expect(report).toMatchObject({
      verdict: 'pass',
      accuracy: { drop: 0 },
      parity: { agreement: 1, maxAbs: 0 },
      changed: [],
    });
  }, 30_000);

  it('fails where only the names were turned around, although the folder has no tokenizer of its own', async () => {
    const folder = fixtureWith({ json: { 'config.json': reversed } });
    rmSync(join(folder, 'tokenizer.json'));
    const report = await validate(fixture, [folder], options);
    expect(report.verdict).toBe('fail');
    expect(report.changed).toHaveLength(5);
    for (const { before, after, loss } of report.changed!) {
      expect(before).not.toBe(after);
      expect(loss).toBeGreaterThan(0.5);
    }
    expect(report.diagnosis!.join('\n')).toMatch(/labels look swapped/);
  }, 30_000);
});

describe('a candidate whose labels are others', () => {
  it('takes the names of the original where it has none (LABEL_0 …)', async () => {
    const folder = fixtureWith({ json: { 'config.json': named((names) => names.map((_, id) => `LABEL_${id}`)) } });
    expect(await validate(fixture, [folder], options)).toMatchObject({ verdict: 'pass', parity: { agreement: 1 } });
  }, 30_000);

  it('is named where it does not know a label of the data', async () => {
    const folder = fixtureWith({ json: { 'config.json': named((names) => names.map((name) => `${name}-v2`)) } });
    await expect(validate(fixture, [folder], options)).rejects.toThrow(
      /onnx\/model\.onnx: its labels are others than the original's: .*dev\.tsv line \d+: expected one of billing-v2, /,
    );
  }, 30_000);
});
