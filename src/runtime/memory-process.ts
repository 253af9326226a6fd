// A new Node process that is given its program and one message, and gives one answer.
import { spawn } from 'node:child_process';

/**
 * Runs `source` in a new process, sends it `message`, and gives what it sends back. Typed arrays go over as they are.
 * @throws Error saying how the process ended, with its last line on stderr, where it ends without an answer
 */
export function answerOf(source: string, message: object, signal?: AbortSignal): Promise<unknown> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const child = spawn(process.execPath, ['-e', source], {
      // loaders and flags of this process would count as the model's memory
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
      serialization: 'advanced',
      ...(signal ? { signal } : {}),
    });
    let answer: unknown;
    let errors = '';
    child.stderr!.on('data', (data: Buffer) => (errors = `${errors}${data.toString()}`.slice(-2000)));
    child.once('message', (given) => (answer = given));
    child.once('error', reject);
    child.once('close', (code, killedBy) => {
      if (answer !== undefined) return resolve(answer);
      const how = killedBy ? `the process was ended by ${killedBy}` : `the process ended with code ${code}`;
      const last = errors.trim().split('\n').at(-1);
      reject(new Error(last ? `${how}: ${last}` : how));
    });
    child.send(message, (error) => {
      if (error) errors ||= error.message; // it ended before it listened: 'close' tells how
    });
  });
}
