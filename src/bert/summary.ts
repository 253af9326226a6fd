// A recognition in numbers: what `inspect` and the table of recognised graphs show.
import type { Activation, Embedding, Encoder, Inputs, Recognition } from './types.ts';

/** Architecture of the first encoder; per-layer lists have one entry a layer. */
export interface Architecture {
  readonly family: Recognition['family'];
  /** Encoders in the graph, where there are several. */
  readonly encoders?: number;
  readonly layers: number;
  readonly hidden?: number;
  readonly heads: readonly (number | null)[];
  readonly headSize: readonly (number | null)[];
  /** Heads of K and V, where they are fewer. */
  readonly kvHeads?: readonly (number | null)[];
  /** Width; several a layer are added up in order (MobileBERT). */
  readonly ffn: readonly (number | null)[];
  readonly activation?: Activation;
  readonly gated?: boolean;
  readonly vocabulary?: number;
  readonly positions?: number;
  readonly segments?: number;
  /** Width of the token table where it is not `hidden`. */
  readonly embedding?: number;
  readonly positionKind: readonly ('absolute' | 'rotary' | 'relative' | 'bias')[];
  readonly normOrder?: 'pre' | 'post';
}

/** Sum a recognition up. */
export function architectureOf(found: Recognition): Architecture {
  const [encoder] = found.encoders;
  const layers = encoder?.layers ?? [];
  const table = (role: Embedding['role']): Embedding | undefined =>
    encoder?.embeddings.find((one) => one.role === role);
  const token = table('token');
  const position = table('position');
  const segment = table('segment');
  const activations = new Set(layers.flatMap((layer) => layer.ffn.map((ffn) => ffn.activation)));
  const [activation] = activations;
  const kv = layers.some((layer) => layer.attention.kvHeads !== undefined);
  return {
    family: found.family,
    ...(found.encoders.length > 1 && { encoders: found.encoders.length }),
    layers: layers.length,
    ...(encoder?.hidden !== undefined && { hidden: encoder.hidden }),
    heads: layers.map((layer) => layer.attention.heads ?? null),
    headSize: layers.map((layer) => layer.attention.headSize ?? null),
    ...(kv && { kvHeads: layers.map((layer) => layer.attention.kvHeads ?? layer.attention.heads ?? null) }),
    ffn: layers.map((layer) => (layer.ffn.length === 0 ? null : layer.ffn.reduce((sum, ffn) => sum + ffn.width, 0))),
    ...(activations.size === 1 && activation && { activation }),
    ...(layers.some((layer) => layer.ffn.some((ffn) => ffn.gated)) && { gated: true }),
    ...(token && { vocabulary: token.rows }),
    ...(position && { positions: position.rows }),
    ...(segment && { segments: segment.rows }),
    ...(token && token.width !== encoder?.hidden && { embedding: token.width }),
    positionKind: positionKinds(encoder),
    ...(encoder?.normOrder && { normOrder: encoder.normOrder }),
  };
}

function positionKinds(encoder: Encoder | undefined): Architecture['positionKind'] {
  const inLayers = new Set(encoder?.layers.flatMap((layer) => layer.attention.positions));
  return [...(encoder?.embeddings.some((one) => one.role === 'position') ? (['absolute'] as const) : []), ...inLayers];
}

/** Inputs of all encoders, with only those that were found; names of further encoders' inputs are listed under `others`. */
export function inputsOf(
  found: Recognition,
): Partial<Record<'ids' | 'mask' | 'segments' | 'positions', string>> & { others: string[] } {
  const [first, ...rest] = found.encoders.map((encoder): Inputs => encoder.inputs);
  const more = rest
    .flatMap((inputs) => [inputs.ids, inputs.mask, inputs.segments, inputs.positions, ...inputs.others])
    .filter((name) => name !== undefined);
  return {
    ...(first?.ids !== undefined && { ids: first.ids }),
    ...(first?.mask !== undefined && { mask: first.mask }),
    ...(first?.segments !== undefined && { segments: first.segments }),
    ...(first?.positions !== undefined && { positions: first.positions }),
    others: [...new Set([...(first?.others ?? []), ...more])],
  };
}
