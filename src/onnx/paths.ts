// Which fields of ONNX's messages lead to tensors: the map that lift.ts and lower.ts both walk by.

export type MessageName =
  | 'ModelProto'
  | 'GraphProto'
  | 'FunctionProto'
  | 'NodeProto'
  | 'AttributeProto'
  | 'SparseTensorProto'
  | 'TensorProto';

/** Message -> field number -> message of that field, on every path that ends at a TensorProto. */
export const toTensors: Readonly<Record<MessageName, Readonly<Record<number, MessageName>>>> = {
  ModelProto: { 7: 'GraphProto', 25: 'FunctionProto' },
  GraphProto: { 1: 'NodeProto', 5: 'TensorProto', 15: 'SparseTensorProto' },
  FunctionProto: { 7: 'NodeProto' },
  NodeProto: { 5: 'AttributeProto' },
  AttributeProto: {
    5: 'TensorProto',
    6: 'GraphProto',
    10: 'TensorProto',
    11: 'GraphProto',
    22: 'SparseTensorProto',
    23: 'SparseTensorProto',
  },
  SparseTensorProto: { 1: 'TensorProto', 2: 'TensorProto' },
  TensorProto: {},
};

/** TensorProto's fields whose bytes are the tensor's elements as they are: float_data, raw_data, double_data. */
export const FLOAT_DATA = 4;
export const RAW_DATA = 9;
export const DOUBLE_DATA = 10;
export const PAYLOAD_FIELDS: ReadonlySet<number> = new Set([FLOAT_DATA, RAW_DATA, DOUBLE_DATA]);

/** Messages within messages, three a subgraph: exporters nest two or three subgraphs; a limit keeps a hostile file from the end of the stack. */
export const MAX_DEPTH = 64;
