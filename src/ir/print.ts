// A graph as text, one node a line: for snapshots in tests and for people.
import type { Attribute, Graph, Node, ValueInfo } from './graph.ts';
import { subgraphsOf } from './uses.ts';

const utf8 = new TextDecoder();

/** `out = domain::Op(inputs) {attributes}` a node, the bodies of its subgraphs below it; weights as type and shape, never as values. */
export function printGraph(graph: Graph): string {
  return `${linesOf(graph).join('\n')}\n`;
}

function linesOf(graph: Graph): string[] {
  const inner = [
    ...[...graph.initializers].map(([name, tensor]) => `${name}: ${tensor.dtype}[${tensor.shape.join(',')}]`),
    ...graph.nodes.flatMap((node) => [printNode(node), ...subgraphsOf(node).flatMap(linesOf).map(indent)]),
  ];
  return [
    `graph ${graph.name}(${graph.inputs.map(printValue).join(', ')}) -> (${graph.outputs.map(printValue).join(', ')})`,
    ...inner.map(indent),
  ];
}

const indent = (line: string): string => `  ${line}`;

/** One node as text. */
export function printNode(node: Node): string {
  const op = node.domain === '' ? node.op : `${node.domain}::${node.op}`;
  const attrs = [...node.attrs].map(([name, attr]) => `${name}=${printAttribute(attr)}`);
  return `${node.outputs.join(', ')} = ${op}(${node.inputs.join(', ')})${attrs.length > 0 ? ` {${attrs.join(', ')}}` : ''}`;
}

function printValue(value: ValueInfo): string {
  return `${value.name}: ${value.dtype ?? '?'}${value.shape ? `[${value.shape.map((dim) => dim ?? '?').join(',')}]` : ''}`;
}

function printAttribute(attr: Attribute): string {
  switch (attr.type) {
    case 'tensor':
      return `${attr.value.dtype}[${attr.value.shape.join(',')}]`;
    case 'graph':
      return `graph ${attr.value.name}`;
    case 'string':
      return JSON.stringify(utf8.decode(attr.value));
    case 'ints':
    case 'floats':
      return `[${attr.value.join(',')}]`;
    case 'int':
    case 'float':
      return String(attr.value);
    default:
      return attr.type;
  }
}
