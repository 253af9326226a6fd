// What recognition says about a graph: plain data that inspect prints and the passes consume.
import type { DataType } from '../ir/dtype.ts';
import type { Node } from '../ir/graph.ts';
import type { Tensor } from '../ir/tensor.ts';

/** A constant that a node uses, and the way to it. */
export interface Weight {
  /** Name of the initializer, or of the Constant node's output. */
  readonly name: string;
  readonly tensor: Tensor;
  /** Element type as stored; for block-quantized weights the packed type. */
  readonly dtype: DataType;
  /** Nodes between the constant and its user, nearest to the constant first: Identity, Transpose, Cast, DequantizeLinear. */
  readonly through: readonly Node[];
  /** How many nodes read this constant, here or elsewhere in the graph. */
  readonly readers: number;
}

/** Products with a constant weight. */
export type DenseOp =
  | 'MatMul'
  | 'Gemm'
  | 'Conv'
  | 'Einsum'
  | 'FusedMatMul'
  | 'FusedGemm'
  | 'FusedConv'
  | 'GemmFastGelu'
  | 'MatMulInteger'
  | 'ConvInteger'
  | 'QLinearMatMul'
  | 'QLinearConv'
  | 'QGemm'
  | 'DynamicQuantizeMatMul'
  | 'MatMulIntegerToFloat'
  | 'MatMulNBits'
  | 'MatMulBnb4'
  | 'Attention'
  | 'QAttention';

/** How a dense layer computes. */
export type Precision =
  | 'float32'
  | 'float16'
  | 'bfloat16'
  | 'float64'
  | 'int8'
  | 'uint8'
  | 'int4'
  | 'uint4'
  | 'float4'
  | DataType;

/** y = x W + b. */
export interface Dense {
  readonly node: Node;
  readonly op: DenseOp;
  /** The data operand, before any quantization of it. */
  readonly input: string;
  /** Value that carries the result: after scales, casts and bias. */
  readonly output: string;
  readonly weight: Weight;
  /** True where the weight that the node reads is [out, in]: Gemm transB=1, Conv. */
  readonly outFirst: boolean;
  /** Bias, and the node that adds it (the dense node itself where it does). */
  readonly bias?: { readonly node: Node; readonly weight: Weight };
  readonly inFeatures: number;
  readonly outFeatures: number;
  /** Element type of the stored weight: int8 where the layer is quantized. */
  readonly precision: Precision;
  /** How a quantized layer quantizes its input: at run time, by fixed scales, or not at all (weight-only). */
  readonly quantized?: 'dynamic' | 'static' | 'weight-only';
  /** A product of low rank with the same input is added to what it gives. */
  readonly added?: true;
  /** Convolutions only: kernel positions (1 is a plain dense layer) and groups. */
  readonly kernel?: number;
  readonly groups?: number;
}

/** One projection that attention reads: a dense layer, and which of its outputs where it is packed with others. */
export interface Attention {
  /** Softmax, or the fused operator. */
  readonly node: Node;
  readonly fused?: string;
  /** Product Q K^T and product P V; absent where fused. */
  readonly scores?: Node;
  readonly context?: Node;
  readonly heads: number | undefined;
  readonly headSize: number | undefined;
  /** Heads of K and V where they are fewer than Q's (grouped-query attention). */
  readonly kvHeads: number | undefined;
  readonly query: Dense | undefined;
  readonly key: Dense | undefined;
  readonly value: Dense | undefined;
  /** True where one dense layer makes Q, K and V (or K and V). */
  readonly packed: boolean;
  readonly output: Dense | undefined;
  /** Product of all constant factors on the scores. */
  readonly scale: number | undefined;
  /** rotary: sine and cosine on Q and K; relative: a term of learned distances; bias: a table added to the scores. */
  readonly positions: readonly ('rotary' | 'relative' | 'bias')[];
  readonly mask: MaskFacts;
  /** Value that the layer's Q, K and V are computed from. */
  readonly input: string | undefined;
}

/** What the scores' mask is. */
export interface MaskFacts {
  readonly kind: 'none' | 'padding' | 'causal' | 'local' | 'unknown';
  /** add: a large negative number is added; where: the score is replaced; fused: an operand of the attention operator. */
  readonly form?: 'add' | 'where' | 'fused';
  readonly value?: string;
  /** Graph inputs the mask is computed from. */
  readonly inputs: readonly string[];
  readonly reason?: string;
}

/** Activation of a feed-forward block. */
export type Activation =
  | 'gelu'
  | 'gelu_tanh'
  | 'quick_gelu'
  | 'relu'
  | 'relu2'
  | 'silu'
  | 'tanh'
  | 'sigmoid'
  | 'elu'
  | 'selu'
  | 'celu'
  | 'leaky_relu'
  | 'prelu'
  | 'mish'
  | 'softplus'
  | 'softsign'
  | 'hardswish'
  | 'hardsigmoid'
  | 'unknown';

/** A feed-forward block: one dense layer in (two, or one split, where gated), one out. */
export interface FeedForward {
  /** Dense layers in; where gated by two branches the activated one first. */
  readonly in: readonly Dense[];
  readonly out: Dense;
  /** Width between the two. */
  readonly width: number;
  readonly activation: Activation;
  /** Nodes of the activation, bias additions left out. */
  readonly nodes: readonly Node[];
  readonly gated: false | 'two-branch' | 'split';
}

/** A normalisation. */
export interface Norm {
  /** Where it stands: last block before it. */
  readonly place: 'embeddings' | 'attention' | 'ffn' | 'head' | 'inner';
  readonly kind: 'layer' | 'rms' | 'none';
  readonly form: 'fused' | 'decomposed';
  /** The operator where fused, else the node the pattern was found by. */
  readonly node: Node;
  readonly op: string;
  readonly output: string;
  readonly gamma?: Weight;
  readonly beta?: Weight;
  readonly epsilon?: number;
}

/** A table that token, position or segment numbers pick rows from. */
export interface Embedding {
  readonly role: 'token' | 'position' | 'segment' | 'other';
  /** Gather, EmbedLayerNormalization, or the node that adds a folded table. */
  readonly node: Node;
  readonly weight: Weight;
  readonly rows: number;
  readonly width: number;
  readonly precision: Precision;
  /** Graph inputs that pick the rows; none where they come from positions or are constant. */
  readonly inputs: readonly string[];
  /** True where an exporter folded the picked rows into a constant, so that the table itself is gone. */
  readonly folded: boolean;
}

/** One encoder layer. */
export interface Layer {
  readonly attention: Attention;
  /** Usually one; MobileBERT has several. */
  readonly ffn: readonly FeedForward[];
  readonly norms: readonly Norm[];
  /** Dense layers that are neither attention nor feed-forward: bottlenecks, convolution branches. */
  readonly others: readonly Dense[];
}

/** One stack of layers over one token input. */
export interface Encoder {
  readonly embeddings: readonly Embedding[];
  /** Dense layer between factorised embeddings and the first layer (ALBERT, ELECTRA, MobileBERT). */
  readonly projection: Dense | undefined;
  readonly embeddingNorms: readonly Norm[];
  readonly layers: readonly Layer[];
  readonly hidden: number | undefined;
  readonly inputs: Inputs;
  /** post: x = norm(x + f(x)); pre: x = x + f(norm(x)). */
  readonly normOrder: 'pre' | 'post' | undefined;
}

/** Graph inputs by meaning. */
export interface Inputs {
  readonly ids: string | undefined;
  readonly mask: string | undefined;
  readonly segments: string | undefined;
  readonly positions: string | undefined;
  readonly others: readonly string[];
}

/** What is done with the encoder's output. */
export interface Head {
  /** Dense layers after the last layer, in order. */
  readonly denses: readonly Dense[];
  readonly norms: readonly Norm[];
  /** Dense + Tanh on the first token, as BERT has it. */
  readonly pooler: Dense | undefined;
  /** Dense layers that write graph outputs. */
  readonly classifiers: readonly Dense[];
  readonly outputs: readonly Output[];
}

/** One graph output. */
export interface Output {
  readonly name: string;
  readonly kind:
    | 'hidden'
    | 'logits'
    | 'token-logits'
    | 'vocabulary-logits'
    | 'span-logits'
    | 'pooled'
    | 'sentence'
    | 'similarity'
    | 'unknown';
  /** Dense layer that makes it, where one does. */
  readonly dense: Dense | undefined;
  /** How tokens became one vector. */
  readonly pooling: 'first' | 'mean' | 'max' | 'other' | undefined;
  /** True where it is scaled to length 1. */
  readonly normalised: boolean;
  /** Size of the last dimension: labels, hidden, vocabulary. */
  readonly size: number | undefined;
  /** True where the decoder reads the token table itself, or a stored copy of it. */
  readonly tied: boolean | undefined;
}

/** Tasks as the command line names them. */
export type Task =
  | 'text-classification'
  | 'token-classification'
  | 'sentence-similarity'
  | 'question-answering'
  | 'fill-mask'
  | 'feature-extraction'
  | 'multiple-choice';

/** Everything recognition found. */
export interface Recognition {
  readonly family: 'encoder' | 'decoder' | 'encoder-decoder' | 'not-a-transformer';
  /** Why the family is what it is. */
  readonly reasons: readonly string[];
  readonly encoders: readonly Encoder[];
  readonly head: Head;
  readonly task: Task | undefined;
  /** Every product with a constant weight that token data flows through, in order. */
  readonly denses: readonly Dense[];
  /** Those of low rank that are added to what another gives, as LoRA adapters are: first and second product of each. */
  readonly differences: readonly Dense[];
  readonly norms: readonly Norm[];
  /** Names of tables of relative positions. */
  readonly positionTables: readonly string[];
  readonly unrecognised: readonly Unrecognised[];
}

/** A fact that was not found, and why. */
export interface Unrecognised {
  readonly part: string;
  readonly reason: string;
}
