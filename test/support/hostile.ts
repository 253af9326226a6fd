// What every refused file must be: a ModelError of one short line that names the file, at once.
import { expect } from 'vitest';
import { ModelError } from '../../src/errors.ts';
import { readModel } from '../../src/onnx/read.ts';
import { writeTemp } from './temp.ts';

/** Read a file that must be refused within a second of this process's own time; gives the message without the path. */
export function refusal(path: string): string {
  const start = process.cpuUsage();
  let error: unknown;
  try {
    readModel(path);
  } catch (thrown) {
    error = thrown;
  }
  const { user, system } = process.cpuUsage(start);
  expect((user + system) / 1000).toBeLessThan(1000);
  expect(error).toBeInstanceOf(ModelError);
  const { message, exitCode } = error as ModelError;
  expect(exitCode).toBe(2);
  expect(message.startsWith(`${path}: `)).toBe(true);
  expect(message).not.toMatch(/[\p{Cc}\u2028\u2029]/u);
  expect(message.length).toBeLessThan(1000);
  return message.slice(path.length + 2);
}

/** The same of bytes. */
export function refusalOf(bytes: Uint8Array | string): string {
  return refusal(writeTemp(bytes));
}
