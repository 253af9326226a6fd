// Parity without labels: all float outputs of two models on the same batches, padding left aside, nothing kept.
import { ModelError } from '../errors.ts';
import type { Batch } from '../data/batches.ts';
import type { Encoding } from '../data/tokenizer/tokenizer.ts';
import type { HostTensor, Session, ValueSpec } from '../runtime/session.ts';
import { makeFeeds } from './feeds.ts';
import { floatOutputs, toFloat32 } from './outputs.ts';
import { ParitySums, type Parity } from './parity-sums.ts';
import { checkRoles, commonShape, fixedShape, rolesByName, type InputRoles } from './roles.ts';
import { batchesFor, type Padding, type WindowOptions } from './window.ts';

export interface OutputParity extends Parity {
  readonly output: string;
}

/** Parity of the worst output in each respect, and of each output. */
export interface ModelParity extends Parity {
  readonly outputs: readonly OutputParity[];
}

export interface ParityOptions extends WindowOptions {
  /** Inputs by meaning; default by their names. */
  readonly roles?: InputRoles | undefined;
  /** Inputs of the second model by meaning; default `roles`, and without those by their names. */
  readonly rolesAfter?: InputRoles | undefined;
}

/**
 * Runs two models on the same token sequences and compares every float output that both have.
 * @throws ModelError where they share no float output, or an output's shapes differ
 */
export async function parity(
  before: Session,
  after: Session,
  texts: readonly Encoding[],
  padding: Padding,
  options: ParityOptions = {},
): Promise<ModelParity> {
  const roles = options.roles ?? rolesByName(before.inputs);
  const rolesAfter = options.rolesAfter ?? options.roles ?? rolesByName(after.inputs);
  checkRoles(before.inputs, roles);
  checkRoles(after.inputs, rolesAfter);
  const shared = sharedOutputs(before, after);
  const ids = before.inputs.find((input) => input.name === roles.ids)!;
  const sums = new Map(
    shared.map((output) => [output.name, new ParitySums(isClassScore(output) ? 'softmax' : undefined)]),
  );
  const fetch = [...sums.keys()];
  const batches = batchesFor(texts, {
    ...padding,
    fixed: commonShape(fixedShape(before.inputs, roles), fixedShape(after.inputs, rolesAfter)),
    masked: roles.mask !== undefined && rolesAfter.mask !== undefined,
    batch: options.batch,
  });
  let done = 0;
  for (const batch of batches) {
    options.signal?.throwIfAborted();
    const a = await before.run(makeFeeds(before.inputs, roles, batch), fetch);
    const b = await after.run(makeFeeds(after.inputs, rolesAfter, batch), fetch);
    for (const output of shared)
      addOutput(sums.get(output.name)!, output, ids, batch, a[output.name]!, b[output.name]!);
    done += batch.rows.length;
    options.progress?.(done, batches.rows);
  }
  return worst([...sums].flatMap(([output, sum]) => withName(output, sum.finish())));
}

function sharedOutputs(before: Session, after: Session): ValueSpec[] {
  const others = new Set(floatOutputs(after.outputs).map((output) => output.name));
  const shared = floatOutputs(before.outputs).filter((output) => others.has(output.name));
  if (shared.length === 0) {
    throw new ModelError(
      `outputs: expected a float output that both models have, found ${before.outputs.map((o) => o.name).join(', ')} and ${[...others].join(', ')}`,
    );
  }
  return shared;
}

/** Class scores by the output's name; of hidden states the largest number means nothing. */
function isClassScore(output: ValueSpec): boolean {
  return /logit|score|prob/i.test(output.name);
}

function addOutput(
  sums: ParitySums,
  output: ValueSpec,
  ids: ValueSpec,
  batch: Batch,
  a: HostTensor,
  b: HostTensor,
): void {
  if (a.dims.length !== b.dims.length || a.dims.some((size, i) => size !== b.dims[i])) {
    throw new ModelError(
      `output '${output.name}': expected the shape [${a.dims.join(', ')}] of the first model, found [${b.dims.join(', ')}]`,
    );
  }
  const [x, y] = [toFloat32(output.name, a), toFloat32(output.name, b)];
  const tokens = isTokenLevel(output, ids, batch, a.dims);
  const width = x.length / Math.max(1, a.dims[0] ?? 1);
  for (let row = 0; row < batch.rows.length; row++) {
    const from = row * width;
    const [xs, ys] = [x.subarray(from, from + width), y.subarray(from, from + width)];
    if (!tokens) sums.add(xs, ys);
    else if (a.dims.length === 2) sums.add(withoutPadding(xs, batch, row), withoutPadding(ys, batch, row));
    else addTokens(sums, xs, ys, batch, row);
  }
}

/**
 * True where the second axis counts tokens. With two axes, [batch, sequence] and [batch, hidden] can look alike: a
 * number in the graph is a width, unless the input is fixed to it; a name must be the name of the input's axis.
 */
function isTokenLevel(output: ValueSpec, ids: ValueSpec, batch: Batch, dims: readonly number[]): boolean {
  if (dims.length < 2 || dims[1] !== batch.sequence) return false;
  if (dims.length > 2) return true;
  const axis = output.shape[1];
  return axis === null || axis === undefined || axis === ids.shape[1];
}

function addTokens(sums: ParitySums, x: Float32Array, y: Float32Array, batch: Batch, row: number): void {
  const width = x.length / batch.sequence;
  for (let token = 0; token < batch.sequence; token++) {
    if (batch.mask[row * batch.sequence + token] === 0) continue;
    sums.add(x.subarray(token * width, (token + 1) * width), y.subarray(token * width, (token + 1) * width));
  }
}

function withoutPadding(values: Float32Array, batch: Batch, row: number): Float32Array {
  return values.filter((_, token) => batch.mask[row * batch.sequence + token] === 1);
}

function withName(output: string, found: Parity | undefined): OutputParity[] {
  return found === undefined ? [] : [{ output, ...found }];
}

function worst(outputs: readonly OutputParity[]): ModelParity {
  const all = <K extends keyof Parity>(key: K): number[] =>
    outputs.map((output) => output[key]).filter((value) => value !== undefined);
  const some = (name: string, values: number[], pick: (...values: number[]) => number) =>
    values.length === 0 ? {} : { [name]: pick(...values) };
  return {
    cosine: Math.min(...all('cosine')),
    maxAbs: Math.max(...all('maxAbs')),
    rows: Math.max(...all('rows')),
    ...some('sqnrDb', all('sqnrDb'), Math.min),
    ...some('agreement', all('agreement'), Math.min),
    ...some('kl', all('kl'), Math.max),
    ...some('nonFinite', all('nonFinite'), Math.max),
    outputs,
  };
}
