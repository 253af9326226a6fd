// Differentiates a model, runs it, and compares gradients with central differences of the loss.
import { join } from 'node:path';
import { differentiate } from '../../src/autodiff/differentiate.ts';
import type { Differentiated } from '../../src/autodiff/types.ts';
import type { Model } from '../../src/ir/graph.ts';
import { asFloat32 } from '../../src/ir/tensor.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession, type HostTensor, type Session } from '../../src/runtime/session.ts';
import { tempDir } from '../support/temp.ts';

export type Feeds = Record<string, HostTensor>;

/** A differentiated model, open, with its weights as they are in the model. */
export interface Open {
  readonly made: Differentiated;
  readonly session: Session;
  readonly weights: Feeds;
}

export async function openGradients(
  model: Model,
  options: { loss: string; of: readonly string[]; keep?: readonly string[] },
  optimize = true,
): Promise<Open> {
  const made = differentiate(model, options);
  const path = join(tempDir(), 'model.onnx');
  writeModel(made.model, path);
  const session = await openSession(path, { threads: 1, optimize });
  const weights = Object.fromEntries(
    options.of.flatMap((name) => {
      const tensor = model.graph.initializers.get(name);
      return tensor
        ? [[name, { dtype: tensor.dtype, dims: tensor.shape, data: asFloat32(tensor).slice() } as HostTensor]]
        : [];
    }),
  );
  return { made, session, weights };
}

/** Gradient of a value as one array, rows added up. */
export function gradientOf(open: Open, results: Feeds, name: string): Float32Array {
  const gradient = open.made.gradients.get(name);
  if (!gradient) throw new Error(`no gradient of ${name}`);
  const own = open.weights[name];
  const out =
    gradient.kind === 'rows'
      ? new Float32Array(own!.data.length)
      : Float32Array.from(results[gradient.output]!.data as Float32Array);
  if (gradient.kind !== 'dense') {
    for (const part of gradient.parts) {
      const rows = results[part.rows]!;
      const width = rows.dims[1]!;
      (results[part.indices]!.data as BigInt64Array).forEach((index, i) => {
        const row = index < 0n ? Number(index) + own!.dims[0]! : Number(index);
        for (let j = 0; j < width; j++) out[row * width + j]! += (rows.data as Float32Array)[i * width + j]!;
      });
    }
  }
  return out;
}

/** Loss at `weights + step * direction`. */
export async function lossAt(
  open: Open,
  feeds: Feeds,
  direction: Record<string, Float32Array>,
  step: number,
): Promise<number> {
  const moved = Object.fromEntries(
    Object.entries({ ...open.weights, ...feeds }).map(([name, value]) => {
      const along = direction[name];
      return [
        name,
        along ? { ...value, data: (value.data as Float32Array).map((x, i) => x + step * along[i]!) } : value,
      ];
    }),
  );
  const results = await open.session.run(moved, [open.made.loss]);
  return (results[open.made.loss]!.data as Float32Array)[0]!;
}

/** Derivative along a direction, analytic and by a central difference. */
export async function slopes(
  open: Open,
  feeds: Feeds,
  direction: Record<string, Float32Array>,
  step: number,
): Promise<{ analytic: number; numeric: number }> {
  const results = await open.session.run({ ...open.weights, ...feeds });
  let analytic = 0;
  for (const [name, along] of Object.entries(direction))
    gradientOf(open, results, name).forEach((x, i) => (analytic += x * along[i]!));
  const numeric =
    ((await lossAt(open, feeds, direction, step)) - (await lossAt(open, feeds, direction, -step))) / (2 * step);
  return { analytic, numeric };
}
