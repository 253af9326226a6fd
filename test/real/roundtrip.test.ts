// Reading and writing every graph of ../shared gives an equal model; broken files are refused with one line.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeModel } from '../../src/onnx/write.ts';
import '../support/equal-model.ts';
import { sha256 } from '../support/round-trip.ts';
import { onnxFiles, sharedFolder } from '../support/shared.ts';
import { tempDir } from '../support/temp.ts';

const shared = sharedFolder();

/** Files whose expect.json says that they are no models, and a word of the line they get. */
const refused: Readonly<Record<string, string>> = {
  'neg-dupnames': 'second',
  'neg-empty': 'empty file',
  'neg-extescape': "inside the model's folder",
  'neg-extmissing': 'found none',
  'neg-extshort': '1000 bytes',
  'neg-textfile': 'not a readable ONNX model',
  'neg-truncated': 'not a readable ONNX model',
};

describe.skipIf(!shared)('every graph of the zoo and of other exporters', () => {
  const files = shared
    ? ['zoo', 'graphs'].flatMap((part) => onnxFiles(join(shared, part)).map((path) => join(part, path)))
    : [];
  const readable = files.filter((path) => !Object.keys(refused).some((name) => path.includes(name)));

  test('there are graphs to read', () => expect(readable.length).toBeGreaterThan(100));

  test.each(readable)('%s comes back as it was', (file) => {
    const path = join(shared ?? '', file);
    const copy = join(tempDir(), 'model.onnx');
    const again = join(tempDir(), 'model.onnx');
    writeModel(readModel(path), copy);
    expect(copy).toEqualModel(path);
    writeModel(readModel(copy), again);
    expect(sha256(again)).toBe(sha256(copy));
  });

  test.each(Object.entries(refused))('%s is refused: %s', (name, word) => {
    const folder = join(shared ?? '', 'zoo', name);
    const expected: unknown = JSON.parse(readFileSync(join(folder, 'expect.json'), 'utf8'));
    expect(expected).toMatchObject({ expect: expect.stringMatching(/error|refuse/) });
    const path = join(folder, 'model.onnx');
    const read = (): unknown => readModel(path);
    expect(read).toThrow(ModelError);
    expect(read).toThrow(word);
    expect(read).toThrow(new RegExp(`^${path}[^\\n]*$`));
  });
});
