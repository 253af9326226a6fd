import { createHash } from 'node:crypto';
import { mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { hashFile } from '../../src/onnx/hash.ts';

const folder = mkdtempSync(join(tmpdir(), 'hash-'));

test.each([0, 1, (1 << 21) - 1, 1 << 21, 5 * (1 << 21) + 7])('hash of %d bytes', async (size) => {
  const bytes = Buffer.alloc(size);
  for (let i = 0; i < size; i += 997) bytes[i] = i % 251;
  writeFileSync(join(folder, 'file'), bytes);
  expect(await hashFile(join(folder, 'file'))).toBe(createHash('sha256').update(bytes).digest('hex'));
});

test('a file that cannot be read rejects', async () => {
  await expect(hashFile(join(folder, 'nowhere'))).rejects.toThrow(/ENOENT/);
  await expect(hashFile(folder)).rejects.toThrow(/EISDIR/);
});
