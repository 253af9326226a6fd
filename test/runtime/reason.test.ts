import { describe, expect, it } from 'vitest';
import { reasonOf } from '../../src/runtime/reason.ts';

describe('reasonOf', () => {
  it.each([
    [
      'Load model from /a/b.onnx failed:/onnxruntime_src/onnxruntime/core/graph/model.cc:187 onnxruntime::Model::Model(onnx::ModelProto&&, const onnxruntime::PathString&, const onnxruntime::logging::Logger&) ModelProto does not have a graph.\n',
      'ModelProto does not have a graph.',
    ],
    ['Load model from /a/b.onnx failed:Protobuf parsing failed.', 'Protobuf parsing failed.'],
    [
      "Non-zero status code returned while running Add node. Name:'/emb/Add' Status Message: /x/element_wise_ops.h:583 void onnxruntime::BroadcastIterator::Append(ptrdiff_t, ptrdiff_t) axis == 1 || axis == largest was false. 2 by 3\n",
      "node '/emb/Add', op Add: axis == 1 || axis == largest was false. 2 by 3",
    ],
    [
      '/x/webgpu_context.cc:136 onnxruntime::webgpu::WebGpuContext::Initialize(const onnxruntime::webgpu::WebGpuContextConfig&)::<lambda()> status was false. No supported adapters\n',
      'status was false. No supported adapters',
    ],
    [
      'Deserialize tensor w failed.tensorprotoutils.cc:1763 GetExtDataFromTensorProto External initializer: w (8 bytes) out of bounds.',
      'Deserialize tensor w failed. External initializer: w (8 bytes) out of bounds.',
    ],
    ['', 'no reason given'],
  ])('%s', (message, reason) => {
    expect(reasonOf(new Error(message))).toBe(reason);
  });

  it('takes any thrown value and keeps it short', () => {
    expect(reasonOf('plain')).toBe('plain');
    expect(reasonOf(new Error('x'.repeat(1000)))).toHaveLength(401);
  });
});
