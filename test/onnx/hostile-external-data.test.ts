// External data that leaves the model's folder, is missing, too short or nonsense: refused, and nothing outside is read.
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { expect, test } from 'vitest';
import { externalTensor } from '../support/external.ts';
import { refusal } from '../support/hostile.ts';
import * as pb from '../support/proto.ts';
import { writeTemp } from '../support/temp.ts';

/** A model of 400 bytes in `location`, in a folder beside a file `secret`; `prepare` may add to the model's folder. */
function refused(
  location: string,
  keys: Readonly<Record<string, string>> = {},
  prepare: (folder: string) => void = () => {},
): string {
  const path = writeTemp(pb.holder(externalTensor('w', [100], location, keys)), 'models/model.onnx');
  const folder = dirname(path);
  writeFileSync(join(dirname(folder), 'secret'), new Uint8Array(4000));
  writeFileSync(join(folder, 'w.bin'), new Uint8Array(1000));
  prepare(folder);
  return refusal(path);
}

test.each([
  '../secret',
  'sub/../../secret',
  './../secret',
  'a/b/../w.bin',
  '/etc/passwd',
  '//etc/passwd',
  'C:\\Windows\\win.ini',
  'c:w.bin',
  '..\\secret',
  'a\\..\\..\\secret',
  '\\\\host\\share\\w',
  'w.bin\0.txt',
])('%j is outside', (location) => {
  expect(refused(location)).toMatch(/expected a path inside the model's folder/);
});

test('a link out of the folder, to a file or through a folder', () => {
  expect(refused('link', {}, (folder) => symlinkSync('../secret', join(folder, 'link')))).toMatch(/found a link to/);
  expect(refused('up/secret', {}, (folder) => symlinkSync('..', join(folder, 'up')))).toMatch(/found a link to/);
  expect(refused('dev', {}, (folder) => symlinkSync('/dev/zero', join(folder, 'dev')))).toMatch(/found a link to/);
});

test('missing, a folder, the folder itself, a broken link, a loop, a name too long, no name', () => {
  expect(refused('none.bin')).toMatch(/the file 'none.bin' beside the model, found none/);
  expect(refused('sub', {}, (folder) => mkdirSync(join(folder, 'sub')))).toMatch(/expected a file at 'sub'/);
  expect(refused('.')).toMatch(/inside the model's folder/);
  expect(refused('link', {}, (folder) => symlinkSync('nowhere', join(folder, 'link')))).toMatch(/found none/);
  expect(refused('loop', {}, (folder) => symlinkSync('loop', join(folder, 'loop')))).toMatch(/found none/);
  expect(refused('n'.repeat(100_000))).toMatch(/found none/);
  expect(refused('')).toMatch(/expected a location, found none/);
  expect(refused('w.bin/x')).toMatch(/found none/);
});

test.each([
  [{ offset: '601' }, /expected 400 bytes at 601 of 'w.bin', found a file of 1000 bytes/],
  [{ offset: '9007199254740991' }, /found a file of 1000 bytes/],
  [{ offset: '9007199254740992' }, /offset: expected a whole number/],
  [{ offset: '18446744073709551615' }, /offset: expected a whole number/],
  [{ offset: '-1' }, /offset: expected a whole number, found '-1'/],
  [{ offset: 'NaN' }, /offset: expected a whole number/],
  [{ offset: '1e3' }, /offset: expected a whole number/],
  [{ offset: '0x10' }, /offset: expected a whole number/],
  [{ offset: ' 4' }, /offset: expected a whole number/],
  [{ offset: '' }, /offset: expected a whole number/],
  [{ length: '399' }, /expected 400 bytes by type and shape, found length 399/],
  [{ length: '401' }, /expected 400 bytes by type and shape, found length 401/],
  [{ length: '-400' }, /length: expected a whole number/],
])('%j', (keys, message) => {
  expect(refused('w.bin', keys as Record<string, string>)).toMatch(message);
});

test('data in two places, and no entries at all', () => {
  const both = pb.concat(externalTensor('w', [100], 'w.bin'), pb.len(9, new Uint8Array(400)));
  expect(refusal(writeTemp(pb.holder(both)))).toMatch(/raw_data and external data/);
  expect(refusal(writeTemp(pb.holder(pb.concat(pb.tensor('w', 1, [100]), pb.int(14, 1)))))).toMatch(
    /expected a location/,
  );
});
