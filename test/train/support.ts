// Small graphs, batches and sessions for the tests of training.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Builder } from '../../src/ir/builder.ts';
import type { Model, ValueInfo } from '../../src/ir/graph.ts';
import type { HostTensor } from '../../src/ir/host-tensor.ts';
import { writeModel } from '../../src/onnx/write.ts';
import { openSession, type Session } from '../../src/runtime/session.ts';

/** A model without nodes. */
export function emptyModel(opset = 17): Model {
  return {
    graph: { name: 'g', inputs: [], outputs: [], values: [], nodes: [], initializers: new Map(), sparse: new Map() },
    irVersion: 8,
    opsets: new Map([['', opset]]),
    producer: { name: 'bert-compress tests', version: '' },
    metadata: new Map(),
    functions: [],
  };
}

/** A graph of these inputs, the nodes that `append` makes, and the scalar it names as output. */
export function scalarModel(
  inputs: Readonly<Record<string, HostTensor>>,
  append: (builder: Builder) => string,
  opset = 17,
): { model: Model; output: string } {
  const model = emptyModel(opset);
  const builder = new Builder(model.graph, opset, 'loss');
  const output = append(builder);
  model.graph.inputs = Object.entries(inputs).map(([name, { dtype, dims }]): ValueInfo => ({
    name,
    dtype,
    shape: dims,
  }));
  model.graph.nodes = builder.nodes;
  model.graph.outputs = [{ name: output, dtype: 'float32', shape: [] }];
  return { model, output };
}

/** Opens a model that is in memory. */
export async function openModel(model: Model): Promise<Session> {
  const folder = mkdtempSync(join(tmpdir(), 'bert-compress-train-'));
  try {
    const path = join(folder, 'model.onnx');
    writeModel(model, path);
    return await openSession(path, { threads: 1 });
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

export const float32 = (dims: number[], values: readonly number[]): HostTensor => ({
  dtype: 'float32',
  dims,
  data: Float32Array.from(values),
});

export const int64 = (dims: number[], values: readonly number[]): HostTensor => ({
  dtype: 'int64',
  dims,
  data: BigInt64Array.from(values, BigInt),
});
