// Layers averaged into one: the weights of one become the mean of its own and of those that go.
import type { Recognition } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import type { Model } from '../../ir/graph.ts';
import type { Tensor } from '../../ir/tensor.ts';
import { meanOf } from './mean.ts';
import { placesOf, type Place } from '../head/trainable.ts';

/**
 * @param groups layers averaged, the one that gets the mean first
 * @throws ModelError where the layers have other weights or shapes
 */
export function averageLayers(input: Model, found: Recognition, groups: readonly (readonly number[])[]): Model {
  const model = cloneModel(input);
  const byPath = new Map(placesOf(found).map((place) => [place.path, place]));
  for (const group of groups.filter((members) => members.length > 1))
    for (const { path, weight } of byPath.values()) {
      const [, encoder = '', layer, rest] = /^(encoder\.\d+\.)?layer\.(\d+)\.(.*)$/.exec(path) ?? [];
      if (Number(layer) !== group[0]) continue;
      const members = group.map((member) => byPath.get(`${encoder}layer.${member}.${rest}`));
      model.graph.initializers.set(weight.name, merged(path, weight.tensor, members));
      model.graph.nodes = model.graph.nodes.filter((node) => node.outputs[0] !== weight.name);
    }
  return model;
}

function merged(path: string, like: Tensor, members: readonly (Place | undefined)[]): Tensor {
  const tensors = members.flatMap((place) => (place ? [place.weight.tensor] : []));
  const same = tensors.every((one) => one.dtype === 'float32' && one.shape.join() === like.shape.join());
  if (!same || tensors.length < members.length)
    throw new ModelError(`--merge-layers: expected layers of the same float32 weights, found others at ${path}`);
  return meanOf(tensors);
}
