// Processes that run a training graph on their part of a step, each with a session of its own.
import { spawn, type ChildProcess } from 'node:child_process';
import { createRequire } from 'node:module';
import { closeSync, openSync, readSync, writeSync } from 'node:fs';
import { ModelError } from '../errors.ts';
import { sessionSettings, type HostTensor, type SessionOptions } from './session.ts';
import { trainingHelper } from './training-helper.ts';

type Tensors = Readonly<Record<string, HostTensor>>;

/** One process. */
class Helper {
  readonly #child: ChildProcess;
  readonly #name: string;
  #failure: ModelError | undefined;
  #waiting: { resolve(runs: Tensors[]): void; reject(error: Error): void } | undefined;

  constructor(name: string) {
    this.#name = name;
    this.#child = spawn(process.execPath, ['-e', trainingHelper], {
      env: { ...process.env, NODE_OPTIONS: '' },
      stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
      serialization: 'advanced',
    });
    this.#child.on('message', (message: { done: Tensors[] } | { error: string }) => {
      if ('error' in message) return this.#fail(message.error);
      this.#waiting?.resolve(message.done);
      this.#waiting = undefined;
    });
    this.#child.once('error', (error) => this.#fail(error.message));
    this.#child.once('exit', (code, signal) => this.#fail(`it was ended by ${signal ?? `code ${code}`}`));
  }

  /** Hands a message over; it is copied at once. */
  send(message: object): void {
    // to a process that has ended nothing can be sent: 'exit' tells how it did
    if (!this.#failure) this.#child.send(message, () => undefined);
  }

  /** What it answers. */
  answer(): Promise<Tensors[]> {
    return new Promise((resolve, reject) => {
      if (this.#failure) reject(this.#failure);
      else this.#waiting = { resolve, reject };
    });
  }

  end(): void {
    this.#child.kill();
  }

  #fail(reason: string): void {
    this.#failure ??= new ModelError(`${this.#name}: expected it to work until training ends, found: ${reason}`);
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }
}

/** Processes beside this one that share the work of a step; see `TrainSession.helpers`. */
export class TrainingHelpers {
  readonly #helpers: readonly Helper[];
  /** The weights, for all; and a file for each one's gradients. */
  readonly #values: number;
  readonly #sums: readonly number[];

  /**
   * Starts the processes and waits until each has loaded the graph.
   * @param model path of the training graph
   * @param files path that the names of their files begin with
   */
  static async open(model: string, count: number, files: string, options: SessionOptions): Promise<TrainingHelpers> {
    const { threads = 1, providers = ['cpu'] } = options;
    const settings = sessionSettings(options, threads, [...providers]);
    const onnxruntime = createRequire(import.meta.url).resolve('onnxruntime-node');
    const team = new TrainingHelpers(count, files);
    try {
      const loaded = team.#helpers.map((helper, i) => {
        helper.send({
          kind: 'open',
          onnxruntime,
          model,
          settings,
          values: `${files}-values`,
          sums: `${files}-sums-${i}`,
        });
        return helper.answer();
      });
      await Promise.all(loaded);
      return team;
    } catch (error) {
      team.release();
      throw error;
    }
  }

  private constructor(count: number, files: string) {
    this.#values = openSync(`${files}-values`, 'w');
    this.#sums = Array.from({ length: count }, (_, i) => openSync(`${files}-sums-${i}`, 'w+'));
    this.#helpers = this.#sums.map((_, i) => new Helper(`worker ${i + 1}`));
  }

  get count(): number {
    return this.#helpers.length;
  }

  /** The weights of a step, float32. */
  begin(values: Tensors): void {
    move(writeSync, this.#values, Object.values(values));
    const shapes = Object.entries(values).map(([name, { dims }]) => [name, dims]);
    for (const helper of this.#helpers) helper.send({ kind: 'begin', shapes });
  }

  /** A run for one of them: its feeds beside the weights, outputs that are summed over its runs, and others. Copied at once. */
  give(index: number, feeds: Tensors, dense: readonly string[], others: readonly string[]): void {
    this.#helpers[index]!.send({ kind: 'run', feeds, dense, others });
  }

  /**
   * Waits for the runs that were given to one of them.
   * @param dense arrays for the sums, in the order in which they were named
   * @returns the other outputs, run by run
   * @throws ModelError where the process ended
   */
  async finish(index: number, dense: readonly HostTensor[]): Promise<Tensors[]> {
    const helper = this.#helpers[index]!;
    helper.send({ kind: 'finish' });
    const runs = await helper.answer();
    move(readSync, this.#sums[index]!, dense);
    return runs;
  }

  release(): void {
    for (const helper of this.#helpers) helper.end();
    for (const file of [this.#values, ...this.#sums]) closeSync(file);
  }
}

type Call = (file: number, bytes: Uint8Array, offset: number, length: number, position: number) => number;

/** Reads or writes arrays one after the other from the file's beginning. */
function move(call: Call, file: number, tensors: readonly HostTensor[]): void {
  let at = 0;
  for (const { data } of tensors) {
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    for (let done = 0; done < bytes.length;) {
      const moved = call(file, bytes, done, bytes.length - done, at + done);
      if (moved === 0) throw new Error('training: expected the gradients of a worker, found the end of its file');
      done += moved;
    }
    at += bytes.length;
  }
}
