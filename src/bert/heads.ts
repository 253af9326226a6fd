// Heads and head size of an attention, from the shapes of the trial run, cross-checked with the dense layers and the scale.
import { stringAttr } from '../ir/node.ts';
import type { Core } from './attention-core.ts';
import { nameOf, type Scene } from './scene.ts';
import type { Dims } from '../ir/trace/trace.ts';
import type { Dense } from './types.ts';

/** What was found; undefined where no source says it. */
export interface Heads {
  readonly heads: number | undefined;
  readonly headSize: number | undefined;
}

/** Shapes first ([B, heads, S, S] or [B heads, S, S]); where they are unknown, the scale 1/sqrt(size) and Q's width. */
export function headsOf(
  scene: Scene,
  core: Core,
  query: Dense | undefined,
  packed: boolean,
  scale: number | undefined,
): Heads {
  const [q] = core.queryKey;
  const scores = scene.trace.dims(core.scores.outputs[0]);
  const heads = countHeads(scores, scene.batch);
  const headSize = contracted(core, scene.trace.dims(q));
  const width = query && !packed ? query.outFeatures : undefined;
  const fromScale = scale && scale < 1 ? Math.round(scale ** -2) : undefined;
  const size = headSize ?? (heads && width ? width / heads : fromScale);
  const count = heads ?? (size && width ? width / size : undefined);
  if (count === undefined || size === undefined) {
    scene.miss('heads', `no shape, scale or width says how '${nameOf(core.softmax)}' splits its heads`);
    return { heads: undefined, headSize: undefined };
  }
  if (width !== undefined && count * size !== width) {
    scene.miss(
      'heads',
      `'${nameOf(core.softmax)}': ${count} heads of ${size} do not make the ${width} outputs of '${nameOf(query!.node)}'`,
    );
  }
  return { heads: Number.isInteger(count) ? count : undefined, headSize: Number.isInteger(size) ? size : undefined };
}

function countHeads(scores: Dims | undefined, batch: number | undefined): number | undefined {
  const outer = scores?.slice(0, -2);
  if (!outer || !batch || outer.includes(undefined)) return undefined;
  if (outer.length === 0) return 1;
  const count = (outer as number[]).reduce((a, b) => a * b, 1) / batch;
  return Number.isInteger(count) ? count : undefined;
}

/** Length of the dimension that Q K^T sums over. */
function contracted(core: Core, q: Dims | undefined): number | undefined {
  if (!q) return undefined;
  const equation = stringAttr(core.scores, 'equation');
  if (core.scores.op !== 'Einsum' || equation === undefined) {
    const trans = core.scores.attrs.get('transA');
    return trans?.type === 'int' && trans.value === 1n ? q.at(-2) : q.at(-1);
  }
  const [left = '', out = ''] = equation.replaceAll(' ', '').split('->');
  const letters = left.split(',')[core.scores.inputs.indexOf(core.queryKey[0])] ?? '';
  const at = [...letters].findIndex((letter) => !out.includes(letter));
  return at < 0 ? undefined : q[at];
}
