// Name patterns of --exclude: * stands for any characters.
import { UsageError } from '../../errors.ts';
import type { Graph } from '../../ir/graph.ts';

/**
 * True for names that match one of the patterns. Throws UsageError for a pattern that no node and no weight of the graph matches: a
 * misspelt one would quantize what it was to keep.
 */
export function matcher(patterns: readonly string[], graph: Graph): (name: string) => boolean {
  if (patterns.length === 0) return () => false;
  const expressions = patterns.map((pattern) => new RegExp(`^${pattern.split('*').map(escape).join('.*')}$`, 's'));
  const names = [...graph.initializers.keys(), ...graph.nodes.flatMap((node) => [node.name, ...node.outputs])];
  const unused = patterns.find((_, i) => !names.some((name) => expressions[i]!.test(name)));
  if (unused !== undefined)
    throw new UsageError(
      `--exclude: expected the name of a node or weight, with *, found none that '${unused}' matches`,
    );
  return (name) => expressions.some((expression) => expression.test(name));
}

function escape(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, '\\$&');
}
