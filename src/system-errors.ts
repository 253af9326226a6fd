// Failed system calls on files the user named, as one line: where, what was expected, what was found.
import { ModelError, UsageError } from './errors.ts';

const reasons: Readonly<Record<string, string>> = {
  ENOSPC: 'no space left on the device',
  EDQUOT: 'the disk quota used up',
  EFBIG: 'a file system that takes no file so large',
  EACCES: 'no permission',
  EPERM: 'no permission',
  EROFS: 'a read-only file system',
  ENOENT: 'nothing there',
  ENOTDIR: 'a file where a folder should be',
  EEXIST: 'a file where a folder should be',
  EISDIR: 'a folder of that name',
  ENAMETOOLONG: 'a name that is too long',
  EIO: 'an input/output error',
};

/** What a failed system call found, or undefined where the error is none of the file system's. */
function reasonOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('syscall' in error) || !('code' in error)) return undefined;
  const code = String(error.code);
  return reasons[code] ? `${reasons[code]} (${code})` : code;
}

/** Do what writes to `path`. Throws UsageError where the file system refuses. */
export function writing<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new UsageError(`${path}: expected a place that can be written, found ${reason}`, { cause: error });
  }
}

/** Do what reads weights from `path`. Throws ModelError where the file system refuses: the file was there when the model was read. */
export function reading<T>(path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const reason = reasonOf(error);
    if (reason === undefined) throw error;
    throw new ModelError(`${path}: expected the file the weights are read from, found ${reason}`, { cause: error });
  }
}
