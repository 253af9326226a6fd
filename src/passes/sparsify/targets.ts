// The weights that sparsity is for: dense layers of attention and feed-forward blocks, each stored matrix once however many read it.
import { nameOf } from '../../bert/scene.ts';
import type { Dense, Layer, Recognition } from '../../bert/types.ts';
import { ModelError, UsageError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { elementCount } from '../../ir/tensor.ts';
import { matcher } from '../patterns.ts';
import { skip, type Skip } from '../pass.ts';
import { floatTypes, type Layout } from './layout.ts';

/** A stored matrix. */
export interface Target extends Layout {
  readonly name: string;
  /** Values that its readers multiply with it, [..., columns] each. */
  readonly inputs: readonly string[];
  /** The first layer that reads it, counted over all encoders; heads come last. */
  readonly layer: number;
}

export interface TargetOptions {
  /** Dense layers behind the encoder as well. */
  readonly head: boolean;
  /** Names of nodes or weights that stay dense, with *. */
  readonly exclude: readonly string[];
}

export interface Targets {
  /** In the order of their layers. */
  readonly targets: readonly Target[];
  readonly skipped: readonly Skip[];
}

/** @throws ModelError for quantized weights, and where there is no encoder; UsageError for a name to exclude that nothing has */
export function findTargets(graph: Graph, found: Recognition, { head, exclude }: TargetOptions): Targets {
  const layers = [...layersOf(found), head ? found.head.denses : []];
  if (found.encoders.length === 0)
    throw new ModelError(`sparsity: expected an encoder, found none: ${found.reasons.join('; ')}`);
  const quantized = layers.flat().find((dense) => dense.quantized !== undefined);
  if (quantized)
    throw new ModelError(
      `sparsity: expected float weights, found ${quantized.precision} in '${quantized.weight.name}': prune first, then quantize`,
    );
  const names = layers.flat().flatMap((dense) => [dense.weight.name, nameOf(dense.node)]);
  const unused = exclude.find((pattern) => !names.some(matcher([pattern])));
  if (unused !== undefined)
    throw new UsageError(
      `--keep-dense: expected the name of a dense layer or its weight, with *, found none that '${unused}' matches`,
    );
  const tables = new Set(found.encoders.flatMap(({ embeddings }) => embeddings.map(({ weight }) => weight.name)));
  const excluded = matcher(exclude);
  const targets = new Map<string, Target>();
  const skipped: Skip[] = [];
  for (const [layer, denses] of layers.entries())
    for (const dense of denses) {
      const { name } = dense.weight;
      const named = excluded(name) || excluded(nameOf(dense.node));
      const reason = named ? 'kept dense by --keep-dense' : reasonAgainst(dense, tables, graph);
      if (reason !== undefined) skipped.push(skip(dense.node, reason));
      else targets.set(name, merged(targets.get(name), targetOf(dense, layer)));
    }
  return { targets: [...targets.values()], skipped };
}

/**
 * Dense layers of every layer, encoder by encoder. A feed-forward block that lost its attention in front of the first layer is
 * in none: what lies before a layer's last dense belongs to it.
 */
function layersOf({ encoders, head, denses }: Recognition): Dense[][] {
  const layers = encoders.flatMap((encoder) => encoder.layers.map(densesOf));
  const others = new Set([...head.denses, ...encoders.map(({ projection }) => projection)]);
  const last = layers.map((layer) => Math.max(...layer.map((dense) => denses.indexOf(dense))));
  for (const [i, dense] of denses.entries()) {
    const layer = layers[last.findIndex((end) => i < end)];
    if (layer && !others.has(dense) && !layers.some((one) => one.includes(dense))) layer.push(dense);
  }
  return layers;
}

function densesOf({ attention, ffn, others }: Layer): Dense[] {
  const { query, key, value, output } = attention;
  const all = [query, key, value, output, ...ffn.flatMap((block) => [...block.in, block.out]), ...others];
  return [...new Set(all.filter((dense) => dense !== undefined))];
}

/** Operators whose weight is a matrix [in, out], or [out, in] by `outFirst`. */
const plain = new Set(['MatMul', 'Gemm', 'FusedMatMul', 'FusedGemm', 'GemmFastGelu', 'Attention']);

function reasonAgainst({ op, weight, ...dense }: Dense, tables: ReadonlySet<string>, graph: Graph): string | undefined {
  if (!plain.has(op)) return `weights of ${op} stay dense`;
  if (!floatTypes.has(weight.dtype)) return `expected float32 or float16 weights, found ${weight.dtype}`;
  if (weight.through.some((node) => !turning.has(node.op))) return 'the weight is computed before it is used';
  if (tables.has(weight.name)) return 'the weight is an embedding table as well';
  if (elementCount(weight.tensor.shape) !== dense.inFeatures * dense.outFeatures) return 'the weight is no matrix';
  return graph.outputs.some(({ name }) => name === weight.name) ? 'the weight is an output as well' : undefined;
}

const turning = new Set(['Identity', 'Transpose', 'Cast']);

function targetOf({ weight, outFirst, inFeatures, outFeatures, input }: Dense, layer: number): Target {
  const turned = weight.through.filter(({ op }) => op === 'Transpose').length % 2 === 1;
  const { name, tensor } = weight;
  return {
    name,
    tensor,
    outFirst: outFirst !== turned,
    rows: outFeatures,
    columns: inFeatures,
    inputs: [input],
    layer,
  };
}

function merged(one: Target | undefined, other: Target): Target {
  return one ? { ...one, inputs: [...new Set([...one.inputs, ...other.inputs])] } : other;
}
