// What is known of a model before it runs: where it lies, its graph, its inputs by meaning, its size.
import { recognise } from '../bert/recognise.ts';
import { inputsOf } from '../bert/summary.ts';
import type { Recognition } from '../bert/types.ts';
import type { InputRoles } from '../evaluate/roles.ts';
import type { Model } from '../ir/graph.ts';
import { countParams } from '../ir/params.ts';
import { resolveModel, type ModelPath } from '../model-path.ts';
import { hashFile } from '../onnx/hash.ts';
import { readModel } from '../onnx/read.ts';
import { sourceFiles } from '../onnx/sources.ts';
import type { Report } from '../report/schema.ts';
import type { ValueSpec } from '../runtime/session.ts';

export interface KnownModel {
  readonly path: ModelPath;
  readonly model: Model;
  readonly inputs: readonly ValueSpec[];
  readonly outputs: readonly ValueSpec[];
  readonly recognition: Recognition;
  /** Inputs by meaning, from the data flow; undefined where recognition left one of them out. */
  readonly roles: InputRoles | undefined;
}

/** Read the structure of a MODEL argument. Throws ModelError. */
export function readKnownModel(argument: string): KnownModel {
  const path = resolveModel(argument);
  const model = readModel(path.onnxPath);
  const spec = (info: Model['graph']['inputs'][number]): ValueSpec => ({
    name: info.name,
    dtype: info.dtype ?? 'undefined',
    shape: [...(info.shape ?? [])],
  });
  const fed = model.graph.inputs.filter((info) => !model.graph.initializers.has(info.name));
  const recognition = recognise(model);
  return {
    path,
    model,
    inputs: fed.map(spec),
    outputs: model.graph.outputs.map(spec),
    recognition,
    roles: rolesOf(
      recognition,
      fed.map(({ name }) => name),
    ),
  };
}

/** Undefined, so that names decide, where an input is left that the data flow says nothing of: a table behind a codebook. */
function rolesOf(recognition: Recognition, inputs: readonly string[]): InputRoles | undefined {
  const { ids, mask, segments, positions } = inputsOf(recognition);
  const known = [ids, mask, segments, positions];
  if (ids === undefined || inputs.some((name) => !known.includes(name))) return undefined;
  return { ids, ...(mask && { mask }), ...(segments && { segments }), ...(positions && { positions }) };
}

/** The report's facts about a model's files. */
export async function fileFacts({ path, model }: KnownModel, sha256?: Promise<string>): Promise<Report['input']> {
  const bytes = sourceFiles(path.onnxPath, model).reduce((sum, file) => sum + file.bytes, 0);
  const hash = await (sha256 ?? hashFile(path.onnxPath));
  return { path: path.onnxPath, sha256: hash, bytes, params: countParams(model.graph) };
}
