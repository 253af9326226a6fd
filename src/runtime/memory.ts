// Peak memory of a model, measured in a process of its own that loads it, runs it, and does nothing else.
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import { ModelError } from '../errors.ts';
import { answerOf } from './memory-process.ts';
import { reasonOf } from './reason.ts';
import { sessionSettings, type HostTensor, type SessionOptions } from './session.ts';

export interface PeakMemory {
  /** Most resident memory of the process in bytes: the model, what runs it, and Node. */
  readonly peakRssBytes: number;
  /** The same before the model was loaded: Node and onnxruntime. */
  readonly bareRssBytes: number;
}

export interface MemoryOptions extends SessionOptions {
  /** Ends the process; its reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Neither CommonJS nor ESM and importing nothing of ours: it runs alike from src and from the bundle, and Node and
 * onnxruntime are all that it loads. On Linux a process inherits maxRSS from the one that started it (exec keeps the
 * larger: mm_struct's hiwater mark goes into signal->maxrss); VmHWM is its own.
 */
const source = `
const { readFileSync } = process.getBuiltinModule('node:fs');
const { createRequire } = process.getBuiltinModule('node:module');
const peak = () => {
  if (process.platform === 'linux') {
    const found = /^VmHWM:\\s+(\\d+) kB/m.exec(readFileSync('/proc/self/status', 'utf8'));
    if (found) return Number(found[1]) * 1024;
  }
  return process.resourceUsage().maxRSS * 1024;
};
process.once('message', async ({ onnxruntime, model, settings, batches }) => {
  try {
    const ort = createRequire(onnxruntime)(onnxruntime);
    ort.env.logLevel = 'fatal';
    ort.listSupportedBackends();
    const bareRssBytes = peak();
    const session = await ort.InferenceSession.create(model, settings);
    for (const feeds of batches) {
      const tensors = Object.entries(feeds).map(([name, { dtype, data, dims }]) => [name, new ort.Tensor(dtype, data, dims)]);
      for (let i = 0; i < 2; i++) await session.run(Object.fromEntries(tensors));
    }
    process.send({ peakRssBytes: peak(), bareRssBytes }, () => process.exit(0));
  } catch (error) {
    process.send({ error: String(error && error.message || error) }, () => process.exit(0));
  }
});
`;

/**
 * Loads a model file in a new process, runs it twice on each of `batches`, and gives the most memory that took.
 * @throws ModelError where the model does not load or run there, or the process ends before it is done
 */
export async function peakMemory(
  model: string,
  batches: readonly Readonly<Record<string, HostTensor>>[],
  options: MemoryOptions = {},
): Promise<PeakMemory> {
  const { name = model, threads = availableParallelism(), providers = ['cpu'], signal } = options;
  const answer = await answerOf(
    source,
    {
      onnxruntime: createRequire(import.meta.url).resolve('onnxruntime-node'),
      model,
      settings: sessionSettings(options, threads, [...providers]),
      batches,
    },
    signal,
  ).catch((error: unknown) => {
    signal?.throwIfAborted();
    throw failure(name, error);
  });
  if (isPeak(answer)) return answer;
  throw failure(name, hasError(answer) ? answer.error : `the answer ${JSON.stringify(answer)}`);
}

function failure(name: string, cause: unknown): ModelError {
  return new ModelError(`${name}: expected the model to run in a process of its own, found: ${reasonOf(cause)}`, {
    cause,
  });
}

function isPeak(answer: unknown): answer is PeakMemory {
  return typeof answer === 'object' && answer !== null && 'peakRssBytes' in answer && 'bareRssBytes' in answer;
}

function hasError(answer: unknown): answer is { error: unknown } {
  return typeof answer === 'object' && answer !== null && 'error' in answer;
}
