// One loaded model on onnxruntime: the only door to running anything. Loads the native library when first opened.
import { availableParallelism } from 'node:os';
import type { InferenceSession } from 'onnxruntime-node';
import { ModelError } from '../errors.ts';
import { reasonOf } from './reason.ts';
import { fromOrt, specOf, toOrt, type HostTensor, type ValueSpec } from './values.ts';

export type { HostTensor, TypedArray, ValueSpec } from './values.ts';

export interface SessionOptions {
  /** Intra-op threads; default all that this process may use. */
  readonly threads?: number;
  /** onnxruntime's graph optimisations; default true (all of them). */
  readonly optimize?: boolean;
  /** Only to see whether the model loads: nothing optimised, no weights packed, so it is as cheap as loading gets. */
  readonly light?: boolean;
  /**
   * Plan the buffers of a run together once its shapes have been seen; default true. The plan is memory beside that of the
   * first run: false for a large graph over many shapes, as in training (MiniLM-L6, 64 x 64: 1.2 instead of 2.0 GiB).
   */
  readonly memoryPattern?: boolean;
  /** Measure every operator and write the profile to a file whose name begins so, when the session is released. */
  readonly profilePrefix?: string;
  /** Execution providers in order of preference; default ['cpu']. One that this machine lacks is an error. */
  readonly providers?: readonly string[];
  /** What to call the model in messages; default its path. */
  readonly name?: string;
}

/** Names of outputs, or names with a tensor to write each into or null. */
export type Fetch = readonly string[] | Readonly<Record<string, HostTensor | null>>;

/** A loaded model. Runs one at a time; `run` blocks the event loop while the native code works. */
export interface Session {
  readonly name: string;
  /** Inputs that must be fed. */
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  /** Intra-op threads it was opened with. */
  readonly threads: number;
  /**
   * Runs the model.
   * @param feeds a tensor for every input
   * @param fetch names of the outputs wanted; all of them when left out. As a record, each with a tensor to write into, or
   *   null: onnxruntime computes in its array, and that tensor is what is given back
   * @throws ModelError with onnxruntime's reason, as where an output has another shape than the tensor given for it
   */
  run(feeds: Readonly<Record<string, HostTensor>>, fetch?: Fetch): Promise<Record<string, HostTensor>>;
  /** Frees the native memory; the session cannot be used afterwards. Harmless a second time. */
  release(): Promise<void>;
}

/**
 * Loads a model file (with its external data beside it) or the bytes of a model.
 * @throws ModelError naming the model and onnxruntime's reason; for a provider that is not there, what is
 */
export async function openSession(model: string | Uint8Array, options: SessionOptions = {}): Promise<Session> {
  const name = options.name ?? (typeof model === 'string' ? model : 'model');
  const threads = options.threads ?? availableParallelism();
  const ort = await loadOnnxruntime();
  const providers = [...(options.providers ?? ['cpu'])];
  requireProviders(
    providers,
    ort.listSupportedBackends().map((backend) => backend.name),
  );
  try {
    const settings = sessionSettings(options, threads, providers);
    const native =
      typeof model === 'string'
        ? await ort.InferenceSession.create(model, settings)
        : await ort.InferenceSession.create(model, settings);
    return sessionOf(native, ort, name, threads, options.profilePrefix !== undefined);
  } catch (error) {
    throw new ModelError(`${name}: expected a model that onnxruntime can load, found: ${reasonOf(error)}`, {
      cause: error,
    });
  }
}

type Onnxruntime = typeof import('onnxruntime-node');

async function loadOnnxruntime(): Promise<Onnxruntime> {
  const ort = await import('onnxruntime-node');
  ort.env.logLevel = 'fatal'; // errors come as exceptions; without this they are printed to stderr as well
  return ort;
}

function requireProviders(wanted: readonly string[], present: readonly string[]): void {
  for (const provider of wanted) {
    if (!present.includes(provider)) {
      throw new ModelError(`provider: expected one of ${present.join(', ')} on this machine, found '${provider}'`);
    }
  }
}

/**
 * onnxruntime's options. Worker threads do not spin on after a run (by default they do for 50 ms, in which another
 * session that runs next has to share its cores with them); within a run they spin as always.
 */
export function sessionSettings(
  options: SessionOptions,
  threads: number,
  executionProviders: string[],
): InferenceSession.SessionOptions {
  const optimize = (options.optimize ?? true) && options.light !== true;
  return {
    executionProviders,
    intraOpNumThreads: threads,
    interOpNumThreads: 1,
    executionMode: 'sequential',
    graphOptimizationLevel: optimize ? 'all' : 'disabled',
    enableMemPattern: options.memoryPattern ?? true,
    logSeverityLevel: 4,
    extra: { session: { force_spinning_stop: '1', ...(options.light === true ? { disable_prepacking: '1' } : {}) } },
    ...(options.profilePrefix === undefined ? {} : { enableProfiling: true, profileFilePrefix: options.profilePrefix }),
  };
}

function sessionOf(
  native: InferenceSession,
  ort: Onnxruntime,
  name: string,
  threads: number,
  profiled: boolean,
): Session {
  const outputs = native.outputMetadata.map(specOf);
  let released = false;
  return {
    name,
    threads,
    inputs: native.inputMetadata.map(specOf),
    outputs,
    async run(feeds, fetch = outputs.map((output) => output.name)) {
      try {
        const tensors = Object.entries(feeds).map(([key, value]) => [key, toOrt(value, ort.Tensor)] as const);
        const { wanted, given } = fetchOf(fetch, ort.Tensor);
        const results = await native.run(Object.fromEntries(tensors), wanted);
        // the binding copies every output into a new array as well (OrtValueToNapiValue); the one given holds the same
        return Object.fromEntries(
          Object.entries(results).map(([key, value]) => [key, given[key] ?? fromOrt(key, value)]),
        );
      } catch (error) {
        throw new ModelError(`${name}: expected the model to run, found: ${reasonOf(error)}`, { cause: error });
      }
    },
    async release() {
      if (released) return;
      released = true;
      if (profiled) native.endProfiling();
      await native.release();
    },
  };
}

/** What onnxruntime's binding takes as fetches, and the tensors among them. */
function fetchOf(
  fetch: Fetch,
  TensorClass: Onnxruntime['Tensor'],
): { wanted: string[] | InferenceSession.FetchesType; given: Readonly<Record<string, HostTensor | null>> } {
  if (isNames(fetch)) return { wanted: [...fetch], given: {} };
  const entries = Object.entries(fetch).map(([key, value]) => [key, value && toOrt(value, TensorClass)] as const);
  return { wanted: Object.fromEntries(entries), given: fetch };
}

function isNames(fetch: Fetch): fetch is readonly string[] {
  return Array.isArray(fetch);
}
