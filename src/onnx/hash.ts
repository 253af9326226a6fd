// SHA-256 of a file in a thread of its own: hashing 440 MB takes as long as quantizing it.
import { Worker } from 'node:worker_threads';

/** Neither CommonJS nor ESM: what it is evaluated as follows the flags of the process. */
const source = `
const { createHash } = process.getBuiltinModule('node:crypto');
const { closeSync, openSync, readSync } = process.getBuiltinModule('node:fs');
const { parentPort, workerData } = process.getBuiltinModule('node:worker_threads');
const hash = createHash('sha256');
const buffer = Buffer.allocUnsafe(1 << 20);
const file = openSync(workerData, 'r');
for (let got; (got = readSync(file, buffer, 0, buffer.length, null)) > 0; ) hash.update(buffer.subarray(0, got));
closeSync(file);
parentPort.postMessage(hash.digest('hex'));
`;

/** Hex SHA-256 of a file. Rejects where it cannot be read. */
export function hashFile(path: string): Promise<string> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(source, { eval: true, execArgv: [], workerData: path });
    worker.once('message', resolve);
    worker.once('error', reject);
  });
}
