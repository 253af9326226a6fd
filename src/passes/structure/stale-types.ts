// Types that an exporter wrote of inner values, after the values changed their shapes.
import type { Graph } from '../../ir/graph.ts';
import { traceGraph } from '../../ir/trace/trace.ts';
import { indexUses } from '../../ir/uses.ts';

/** Drop the types of values whose shape differs from `before`, and of those whose shape is not known: they say nothing that onnxruntime cannot infer. */
export function dropStaleTypes(before: Graph, after: Graph): void {
  const bare = { ...after, values: [] };
  const [old, now] = [traceGraph(before, indexUses(before)), traceGraph(bare, indexUses(bare))];
  after.values = after.values.filter(({ name }) => {
    const dims = now.dims(name);
    return dims !== undefined && !dims.includes(undefined) && dims.join() === old.dims(name)?.join();
  });
}
