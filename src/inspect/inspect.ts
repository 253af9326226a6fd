// `inspect` as a function: what a model is, from its structure; weights are read only where duplicates are suspected.
import { recognise } from '../bert/recognise.ts';
import { architectureOf, inputsOf, type Architecture } from '../bert/summary.ts';
import type { Recognition, Unrecognised } from '../bert/types.ts';
import { UserError } from '../errors.ts';
import type { Model } from '../ir/graph.ts';
import { countParams } from '../ir/params.ts';
import { indexUses } from '../ir/uses.ts';
import { resolveModel } from '../model-path.ts';
import { hashFile } from '../onnx/hash.ts';
import { readModel } from '../onnx/read.ts';
import { sourceFiles } from '../onnx/sources.ts';
import type { Pass, Skip } from '../passes/pass.ts';
import { prunePass } from '../passes/prune/prune.ts';
import { shareBasis } from '../passes/share/basis.ts';
import { dynamic8Bit } from '../passes/quantize/dynamic-8bit.ts';
import { fp16 } from '../passes/quantize/fp16.ts';
import { findDuplicates, type Duplicate } from './duplicates.ts';
import { macsAt, type Macs } from './macs.ts';
import { constantsOf, partsOf, type Part } from '../bert/parts.ts';

/** Version of `inspect --json`. */
export const INSPECT_SCHEMA = 'bert-compress/inspect/1';

export interface InspectReport {
  readonly schema: typeof INSPECT_SCHEMA;
  readonly model: {
    readonly path: string;
    /** Of the .onnx file; absent where it was not asked for. */
    readonly sha256?: string;
    /** Model and external data. */
    readonly bytes: number;
    readonly params: number;
    readonly opset: number;
    readonly ir: number;
    readonly exporter: string;
  };
  readonly task: string | null;
  readonly architecture: Architecture;
  readonly inputs: ReturnType<typeof inputsOf>;
  readonly parts: readonly Part[];
  readonly largest: readonly {
    readonly name: string;
    readonly dtype: string;
    readonly shape: readonly number[];
    readonly bytes: number;
  }[];
  readonly duplicates: readonly Duplicate[];
  readonly macs: Macs;
  readonly passes: readonly PassOutlook[];
  readonly unrecognised: readonly Unrecognised[];
}

/** What a pass could do here. */
export interface PassOutlook {
  readonly pass: string;
  readonly applicable: number;
  /** What is counted; default nodes. */
  readonly unit?: string;
  readonly skipped: readonly Skip[];
  /** Why the pass would refuse the whole model. */
  readonly refused?: string;
}

export interface InspectOptions {
  /** Shape of the multiply-add count; default 1 x 128. */
  readonly batch?: number | undefined;
  readonly sequence?: number | undefined;
  /** Hash the file as well; default true. */
  readonly sha256?: boolean | undefined;
}

/** Describe a model file or folder. Throws ModelError where it cannot be read. */
export async function inspect(path: string, options: InspectOptions = {}): Promise<InspectReport> {
  const input = resolveModel(path);
  const hash = options.sha256 === false ? undefined : hashFile(input.onnxPath);
  hash?.catch(() => {});
  const model = readModel(input.onnxPath);
  const found = recognise(model, { architectures: architecturesOf(input.config) });
  const uses = indexUses(model.graph);
  const constants = constantsOf(model.graph);
  const files = sourceFiles(input.onnxPath, model);
  const sha256 = await hash;
  return {
    schema: INSPECT_SCHEMA,
    model: {
      path: input.onnxPath,
      ...(sha256 === undefined ? {} : { sha256 }),
      bytes: files.reduce((sum, file) => sum + file.bytes, 0),
      params: countParams(model.graph),
      opset: model.opsets.get('') ?? 0,
      ir: model.irVersion,
      exporter: [model.producer.name, model.producer.version].filter(Boolean).join(' '),
    },
    task: found.task ?? null,
    architecture: architectureOf(found),
    inputs: inputsOf(found),
    parts: partsOf(constants, found),
    largest: constants
      .toSorted((a, b) => b.tensor.byteLength - a.tensor.byteLength)
      .slice(0, 8)
      .map(({ name, tensor }) => ({ name, dtype: tensor.dtype, shape: tensor.shape, bytes: tensor.byteLength })),
    duplicates: findDuplicates(constants, uses),
    macs: macsAt(model.graph, uses, found, { batch: options.batch ?? 1, sequence: options.sequence ?? 128 }),
    passes: [
      outlook(dynamic8Bit, model),
      outlook(fp16, model),
      outlook(prunePass, model, {}),
      outlook(shareBasis, model, {}),
    ],
    unrecognised: [...familyReasons(found), ...found.unrecognised],
  };
}

function architecturesOf(config: Record<string, unknown> | undefined): string[] {
  const list = config?.['architectures'];
  return Array.isArray(list) ? list.map(String) : [];
}

/** @param options default those of the pass; prune and share look ahead without any */
function outlook(pass: Pass, model: Model, options: unknown = pass.options.parse({})): PassOutlook {
  try {
    const { applicable, unit, skipped } = pass.plan(model, options);
    return { pass: pass.name, applicable, ...(unit === undefined ? {} : { unit }), skipped };
  } catch (error) {
    if (!(error instanceof UserError)) throw error;
    return { pass: pass.name, applicable: 0, skipped: [], refused: error.message };
  }
}

const kinds = {
  encoder: 'an encoder',
  decoder: 'a decoder',
  'encoder-decoder': 'an encoder with a decoder',
  'not-a-transformer': 'no transformer',
} as const;

function familyReasons({ family, reasons }: Recognition): Unrecognised[] {
  return family === 'encoder' ? [] : [{ part: 'encoder', reason: `this is ${kinds[family]}: ${reasons.join('; ')}` }];
}
