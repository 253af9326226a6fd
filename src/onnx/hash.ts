// SHA-256 of a file in a thread of its own: hashing 440 MB takes as long as quantizing it.
import { Worker } from 'node:worker_threads';

/** Neither CommonJS nor ESM: what it is evaluated as follows the flags of the process. */
const source = `
const { createHash } = process.getBuiltinModule('node:crypto');
const { close, open, read } = process.getBuiltinModule('node:fs');
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
const fail = (error) => setImmediate(() => { throw error; });
open(workerData, 'r', (error, file) => {
  if (error) return fail(error);
  const hash = createHash('sha256');
  const buffers = [Buffer.allocUnsafe(1 << 21), Buffer.allocUnsafe(1 << 21)];
  // the next piece is read while this one is hashed
  const next = (turn) => read(file, buffers[turn], 0, buffers[turn].length, null, (error, got) => {
    if (error) return fail(error);
    if (got === 0) return close(file, () => parentPort.postMessage(hash.digest('hex')));
    next(1 - turn);
    hash.update(buffers[turn].subarray(0, got));
  });
  next(0);
});
`;

/** Hex SHA-256 of a file. Rejects where it cannot be read. */
export function hashFile(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, execArgv: [], workerData: path });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
