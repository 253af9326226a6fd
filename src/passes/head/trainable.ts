// Which constants of a model are trained: the weights that recognition knows, by what they are; the rest stays, with its reason.
import type { Dense, Norm, Recognition, Weight } from '../../bert/types.ts';
import { ModelError } from '../../errors.ts';
import { cloneModel } from '../../ir/clone.ts';
import { constantTensor } from '../../ir/constants.ts';
import type { Model } from '../../ir/graph.ts';
import { isStandard } from '../../ir/node.ts';
import { elementCount } from '../../ir/tensor.ts';
import type { TrainedWeight } from '../../train/types.ts';
import { matcher } from '../patterns.ts';

/** A weight of the model by its meaning. */
export interface Place {
  /** `embeddings.token`, `layer.3.attention.query.weight`, `head.0.bias` … */
  readonly path: string;
  readonly weight: Weight;
  readonly role: 'table' | 'embedding-norm' | 'matrix' | 'bias' | 'norm';
}

export interface TrainableOptions {
  /** Names of weights or their paths, with * for any characters: these stay as they are. */
  readonly freeze?: readonly string[] | undefined;
  /** Embedding tables and the norm behind them are trained too; default they stay. */
  readonly embeddings?: boolean | undefined;
}

export interface Trainable {
  /** The model with trained Constant nodes as initializers. */
  readonly model: Model;
  readonly weights: readonly TrainedWeight[];
  /** Numbers that are trained. */
  readonly params: number;
  /** Paths of weights that stay. */
  readonly frozen: readonly string[];
  /** Values that dropout applies to. */
  readonly dropout: readonly string[];
}

/** All weights that recognition knows, each once, in the order of the model. */
export function placesOf(found: Recognition): Place[] {
  const places = new Map<string, Place>();
  const put = (path: string, weight: Weight | undefined, role: Place['role']): void => {
    if (weight && !places.has(weight.name)) places.set(weight.name, { path, weight, role });
  };
  const dense = (path: string, one: Dense | undefined): void => {
    put(`${path}.weight`, one?.weight, 'matrix');
    put(`${path}.bias`, one?.bias?.weight, 'bias');
  };
  const norm = (path: string, one: Norm, role: Place['role'] = 'norm'): void => {
    put(`${path}.gamma`, one.gamma, role);
    put(`${path}.beta`, one.beta, role);
  };
  found.encoders.forEach((encoder, e) => {
    const at = e === 0 ? '' : `encoder.${e}.`;
    encoder.embeddings.forEach(({ role, weight }) => put(`${at}embeddings.${role}`, weight, 'table'));
    encoder.embeddingNorms.forEach((one) => norm(`${at}embeddings.norm`, one, 'embedding-norm'));
    dense(`${at}embeddings.projection`, encoder.projection);
    encoder.layers.forEach(({ attention, ffn, norms, others }, i) => {
      const layer = `${at}layer.${i}`;
      for (const part of ['query', 'key', 'value', 'output'] as const)
        dense(`${layer}.attention.${part}`, attention[part]);
      ffn.forEach((block, k) => {
        block.in.forEach((one) => dense(`${layer}.ffn.${k}.in`, one));
        dense(`${layer}.ffn.${k}.out`, block.out);
      });
      norms.forEach((one, k) => norm(`${layer}.norm.${k}`, one));
      others.forEach((one, k) => dense(`${layer}.other.${k}`, one));
    });
  });
  found.differences.forEach((one, k) => dense(`difference.${k}`, one));
  found.head.norms.forEach((one, k) => norm(`head.norm.${k}`, one));
  [...new Set([...found.head.denses, ...found.head.classifiers])].forEach((one, k) => dense(`head.${k}`, one));
  return [...places.values()];
}

/**
 * The weights to train. Matrices and tables decay, biases and norms do not (Loshchilov and Hutter's decay as BERT uses it).
 * @throws ModelError where a weight is not float32 (quantized, half precision), where nothing is left to train, and for
 * a pattern that matches no weight
 */
export function trainableWeights(input: Model, found: Recognition, options: TrainableOptions = {}): Trainable {
  const patterns = options.freeze ?? [];
  const places = placesOf(found);
  for (const pattern of patterns) {
    const matches = matcher([pattern]);
    if (!places.some(({ path, weight }) => matches(path) || matches(weight.name)))
      throw new ModelError(
        `--freeze: expected a pattern that matches a weight, found '${pattern}', which matches none`,
      );
  }
  const matches = matcher(patterns);
  const stays = ({ path, weight, role }: Place): boolean =>
    (options.embeddings !== true && (role === 'table' || role === 'embedding-norm')) ||
    matches(path) ||
    matches(weight.name);
  const trained = places.filter((place) => !stays(place));
  const other = trained.find(({ weight }) => weight.dtype !== 'float32');
  if (other) {
    const { path, weight } = other;
    throw new ModelError(`${path}: expected a float32 weight to train, found ${weight.dtype}: train the float32 model`);
  }
  if (trained.length === 0) throw new ModelError('train: expected weights to train, found all of them frozen');
  return {
    model: hoisted(input, new Set(trained.map(({ weight }) => weight.name))),
    weights: trained.map(({ weight, role }) => ({ name: weight.name, decay: role === 'matrix' || role === 'table' })),
    params: trained.reduce((sum, { weight }) => sum + elementCount(weight.tensor.shape), 0),
    frozen: places.filter(stays).map(({ path }) => path),
    dropout: dropoutOf(found),
  };
}

/** Where BERT drops: embeddings, attention probabilities, what a block adds to its input, and what the classifier reads. */
function dropoutOf({ encoders, head }: Recognition): string[] {
  const values = [
    ...encoders.flatMap(({ embeddingNorms }) => embeddingNorms.map(({ output }) => output)),
    ...encoders.flatMap(({ layers }) =>
      layers.flatMap(({ attention, ffn }) => [
        ...(attention.node.op === 'Softmax' ? [attention.node.outputs[0]!] : []),
        ...(attention.output ? [attention.output.output] : []),
        ...ffn.map(({ out }) => out.output),
      ]),
    ),
    ...head.classifiers.map(({ input }) => input),
  ];
  return [...new Set(values)];
}

/** Constant nodes among the names become initializers of the same name. */
function hoisted(input: Model, names: ReadonlySet<string>): Model {
  const constants = input.graph.nodes.filter(
    (node) => node.op === 'Constant' && isStandard(node) && names.has(node.outputs[0] ?? ''),
  );
  if (constants.length === 0) return input;
  const model = cloneModel(input);
  for (const node of constants) model.graph.initializers.set(node.outputs[0]!, constantTensor(node)!);
  const gone = new Set(constants);
  model.graph.nodes = model.graph.nodes.filter((node) => !gone.has(node));
  return model;
}
