// The files a model is made of.
import { statSync } from 'node:fs';
import type { Model } from '../ir/graph.ts';

/** The .onnx file first, then the external data files its weights are read from, each with its size. */
export function sourceFiles(path: string, model: Model): { path: string; bytes: number }[] {
  const slices = [...model.graph.initializers.values()].flatMap((tensor) => (tensor.slice ? [tensor.slice.path] : []));
  return [...new Set([path, ...slices])].map((file) => ({ path: file, bytes: statSync(file).size }));
}
