// Embedding tables as 8-bit rows with a scale a row: Gather > Cast > Mul by the gathered scale.
import { constantBehind } from '../../ir/constants.ts';
import { isFloat } from '../../ir/dtype.ts';
import type { Graph, Node } from '../../ir/graph.ts';
import { intAttr, isStandard, makeNode } from '../../ir/node.ts';
import type { Names } from '../../ir/names.ts';
import { memoryTensor, type Tensor } from '../../ir/tensor.ts';
import { indexUses } from '../../ir/uses.ts';
import { grid8 } from '../../math/affine.ts';
import { skip, type Skip } from '../pass.ts';
import { quantizeMatrix } from './weight-8bit.ts';

/** A table below this part of all weights stays float: three more nodes a look-up would save less than half a percent of the file. */
const WORTH_IT = 0.005;

/** Rows keep their own scale, so that a rare word with a large norm does not coarsen the others. Weights are never reduced: no product reads them. */
export const tableGrid = grid8(true, true, false);

/** Look-ups in tables that are worth quantizing; those that are not go to `skipped`. */
export function findTables(graph: Graph, excluded: (name: string) => boolean, skipped: Skip[]): Map<Node, Table> {
  const uses = indexUses(graph);
  let all = 0;
  for (const tensor of graph.initializers.values()) all += tensor.byteLength;
  const found = new Map<Node, Table>();
  for (const node of graph.nodes) {
    const table = tableOf(graph, uses, node);
    const reason = table && whyNot(table, node, all, excluded);
    if (reason) skipped.push(skip(node, reason));
    else if (table) found.set(node, table);
  }
  return found;
}

/** Replace look-ups in float32 tables, in place; gives the quantized tables by the names of the float ones. */
export function quantizeTables(
  graph: Graph,
  names: Names,
  excluded: (name: string) => boolean,
  skipped: Skip[],
): Map<string, QuantizedTable> {
  const found = findTables(graph, excluded, skipped);
  const tables = new Map<string, QuantizedTable>();
  graph.nodes = graph.nodes.flatMap((node) => {
    const table = found.get(node);
    if (!table) return [node];
    let quantized = tables.get(table.name);
    if (!quantized) {
      quantized = addTable(graph, names, table);
      tables.set(table.name, quantized);
    }
    return lookUp(names, node, quantized);
  });
  return tables;
}

/** Initializers of a quantized table: rows [n, width] and scales [n, 1]. */
export interface QuantizedTable {
  readonly values: string;
  readonly scale: string;
}

/** A table that a Gather looks up in. */
export interface Table {
  readonly name: string;
  readonly tensor: Tensor;
}

/** The table of a Gather with data-dependent indices over rows of a float matrix. */
function tableOf(graph: Graph, uses: ReturnType<typeof indexUses>, node: Node): Table | undefined {
  if (node.op !== 'Gather' || !isStandard(node) || (intAttr(node, 'axis') ?? 0) !== 0) return undefined;
  const [data, indices] = node.inputs;
  if (!data || !indices || constantBehind(graph, uses, indices)) return undefined;
  const constant = constantBehind(graph, uses, data);
  if (!constant || constant.tensor.shape.length !== 2) return undefined;
  if (!isFloat(constant.tensor.dtype) || !constant.through.every((carrier) => carrier.op === 'Identity'))
    return undefined;
  return { name: constant.name, tensor: constant.tensor };
}

function whyNot(table: Table, node: Node, all: number, excluded: (name: string) => boolean): string | undefined {
  const { dtype, byteLength, shape } = table.tensor;
  if (dtype !== 'float32') return `the table is ${dtype}, not float32`;
  if (excluded(node.name) || excluded(table.name)) return 'excluded by --exclude';
  if (byteLength < WORTH_IT * all)
    return `a table of ${shape.join(' x ')} is ${((100 * byteLength) / all).toFixed(2)} % of the weights: not worth three more nodes`;
  return undefined;
}

function addTable(graph: Graph, names: Names, table: Table): QuantizedTable {
  const { params, integers } = quantizeMatrix({ ...table, channelAxis: 0 }, { grid: tableGrid, perChannel: true });
  const quantized = { values: names.fresh(`${table.name}_quantized`), scale: names.fresh(`${table.name}_scale`) };
  graph.initializers.set(quantized.values, integers);
  graph.initializers.set(quantized.scale, memoryTensor('float32', [params.scales.length, 1], params.scales));
  return quantized;
}

function lookUp(names: Names, node: Node, table: QuantizedTable): Node[] {
  const output = node.outputs[0]!;
  const indices = node.inputs[1]!;
  const name = node.name || output;
  const rows = names.fresh(`${output}_quantized`);
  const cast = names.fresh(`${output}_quantized_cast_output`);
  const scale = names.fresh(`${output}_scale`);
  return [
    makeNode('Gather', [table.values, indices], [rows], { name: `${name}_quant` }),
    makeNode('Cast', [rows], [cast], { name: `${name}_quant_cast`, attrs: { to: 1n } }),
    makeNode('Gather', [table.scale, indices], [scale], { name: `${name}_quant_scale` }),
    makeNode('Mul', [cast, scale], [output], { name: `${name}_quant_output_scale_mul` }),
  ];
}
