// Which output of a model a task reads, and its values as float32.
import { ModelError } from '../errors.ts';
import { isFloat } from '../ir/dtype.ts';
import { float16ToNumber } from '../math/float16.ts';
import type { HostTensor, ValueSpec } from '../runtime/session.ts';

/** The output a task reads. */
export interface ChosenOutput {
  readonly name: string;
  /** Whether it has a row a token or one vector a sequence; undefined: its shape tells. */
  readonly per?: 'token' | 'sequence' | undefined;
  /** Why this one, as shown to the user: 'by name', 'first float output of rank 2' … */
  readonly how: string;
}

/**
 * The output with the class scores: named logits, else the first float output of [batch, classes], else the first float one.
 * @throws ModelError where no output is float
 */
export function chooseLogits(outputs: readonly ValueSpec[]): ChosenOutput {
  const floats = floatOutputs(outputs);
  return byName(floats, ['logits']) ?? byRank(floats, 2) ?? { name: floats[0]!.name, how: 'the first float output' };
}

/**
 * The output with embeddings: a sentence's where the model pools by itself, else its tokens'. A `pooler_output` is no
 * sentence embedding and is taken only where there is nothing else.
 * @throws ModelError where no output is float
 */
export function chooseEmbedding(outputs: readonly ValueSpec[]): ChosenOutput {
  const floats = floatOutputs(outputs);
  return (
    byName(floats, ['sentence_embedding', 'sentence_embeddings', 'text_embeds', 'embeddings']) ??
    byName(floats, ['last_hidden_state', 'token_embeddings']) ??
    byRank(floats, 3) ??
    byRank(floats, 2) ?? { name: floats[0]!.name, how: 'the first float output' }
  );
}

/** @throws ModelError where there is none */
export function floatOutputs(outputs: readonly ValueSpec[]): readonly ValueSpec[] {
  const floats = outputs.filter((output) => isFloat(output.dtype));
  if (floats.length === 0) {
    throw new ModelError(
      `outputs: expected one of floating point, found ${outputs.map((o) => `${o.name} (${o.dtype})`).join(', ') || 'none'}`,
    );
  }
  return floats;
}

function byName(outputs: readonly ValueSpec[], names: readonly string[]): ChosenOutput | undefined {
  for (const name of names) {
    const found = outputs.find((output) => output.name.toLowerCase().replace(/:\d+$/, '') === name);
    if (found !== undefined) return { name: found.name, how: 'by name' };
  }
  return undefined;
}

function byRank(outputs: readonly ValueSpec[], rank: number): ChosenOutput | undefined {
  const found = outputs.find((output) => output.shape.length === rank && output.name !== 'pooler_output');
  return found === undefined ? undefined : { name: found.name, how: `the first float output of rank ${rank}` };
}

/** The values of a float tensor as float32; float32 is not copied. @throws ModelError for any other type */
export function toFloat32(name: string, value: HostTensor): Float32Array {
  if (value.data instanceof Float32Array) return value.data;
  if (value.data instanceof Float64Array) return Float32Array.from(value.data);
  if (value.dtype === 'float16' && value.data instanceof Uint16Array) {
    return Float32Array.from(value.data, float16ToNumber);
  }
  throw new ModelError(`output '${name}': expected float32, float16 or float64, found ${value.dtype}`);
}
