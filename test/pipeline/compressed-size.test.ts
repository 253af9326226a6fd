// Bytes under compression are those of zlib, each file for itself; zstd where this Node has it.
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import zlib from 'node:zlib';
import { expect, it } from 'vitest';
import { compressedSize } from '../../src/pipeline/compressed-size.ts';
import { tempDir } from '../support/temp.ts';

it('sums what zlib makes of each file', async () => {
  const folder = tempDir();
  const contents = [Buffer.alloc(300_000, 'zeros'), Buffer.from('a little')];
  const paths = contents.map((content, i) => {
    const path = join(folder, String(i));
    writeFileSync(path, content);
    return path;
  });
  const { gzip, zstd } = await compressedSize(paths);
  expect(gzip).toBe(contents.reduce((sum, content) => sum + zlib.gzipSync(content).length, 0));
  expect(zstd === undefined).toBe(process.versions['zstd'] === undefined);
  if (zstd !== undefined) expect(zstd).toBeLessThan(1000);
});
