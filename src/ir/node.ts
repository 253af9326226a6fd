// Making nodes and reading their attributes.
import type { Attribute, Node } from './graph.ts';
import type { Tensor } from './tensor.ts';

const utf8 = new TextDecoder();
const toUtf8 = new TextEncoder();

/** Attribute values as a pass writes them: integers as bigint, floats as number. */
export type AttrValue = bigint | number | string | Tensor | readonly bigint[] | readonly number[];

function attribute(value: AttrValue): Attribute {
  if (typeof value === 'bigint') return { type: 'int', value };
  if (typeof value === 'number') return { type: 'float', value };
  if (typeof value === 'string') return { type: 'string', value: toUtf8.encode(value) };
  if ('dtype' in value) return { type: 'tensor', value };
  return isBigints(value) ? { type: 'ints', value } : { type: 'floats', value };
}

function isBigints(value: readonly bigint[] | readonly number[]): value is readonly bigint[] {
  return typeof value[0] !== 'number';
}

/** A node of the standard domain unless `domain` says otherwise; its name defaults to its first output's. */
export function makeNode(
  op: string,
  inputs: readonly string[],
  outputs: readonly string[],
  options: { name?: string; domain?: string; attrs?: Readonly<Record<string, AttrValue>> } = {},
): Node {
  const attrs = new Map(Object.entries(options.attrs ?? {}).map(([key, value]) => [key, attribute(value)]));
  return { op, domain: options.domain ?? '', name: options.name ?? `${outputs[0]}_${op}`, inputs, outputs, attrs };
}

/** Integer attribute as a number, or undefined where it is absent. */
export function intAttr(node: Node, name: string): number | undefined {
  const attr = node.attrs.get(name);
  return attr?.type === 'int' ? Number(attr.value) : undefined;
}

/** Integer list attribute as numbers. */
export function intsAttr(node: Node, name: string): number[] | undefined {
  const attr = node.attrs.get(name);
  return attr?.type === 'ints' ? attr.value.map(Number) : undefined;
}

/** Float attribute. */
export function floatAttr(node: Node, name: string): number | undefined {
  const attr = node.attrs.get(name);
  return attr?.type === 'float' ? attr.value : undefined;
}

/** String attribute. */
export function stringAttr(node: Node, name: string): string | undefined {
  const attr = node.attrs.get(name);
  return attr?.type === 'string' ? utf8.decode(attr.value) : undefined;
}

/** Tensor attribute. */
export function tensorAttr(node: Node, name: string): Tensor | undefined {
  const attr = node.attrs.get(name);
  return attr?.type === 'tensor' ? attr.value : undefined;
}

/** True for an operator of the standard domain ('' and 'ai.onnx' are the same). */
export function isStandard(node: Node): boolean {
  return node.domain === '' || node.domain === 'ai.onnx';
}
