// What --exclude leaves as it is.
import { UsageError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';
import { matcher } from '../patterns.ts';

/**
 * True for names that match one of the patterns. Throws UsageError for a pattern that no node and no weight of the graph matches: a
 * misspelt one would quantize what it was to keep.
 */
export function excludedBy(patterns: readonly string[], graph: Graph): (name: string) => boolean {
  const names = [...graph.initializers.keys(), ...graph.nodes.flatMap((node) => [node.name, ...node.outputs])];
  const unused = patterns.find((pattern) => !names.some(matcher([pattern])));
  if (unused !== undefined)
    throw new UsageError(
      `--exclude: expected the name of a node or weight, with *, found none that '${unused}' matches`,
    );
  return matcher(patterns);
}
