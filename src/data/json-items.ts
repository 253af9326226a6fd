// Takes a JSON document apart while it is read: the items of its lists, each as text, so that it is never held whole.
import { DataError } from '../errors.ts';
import type { DataFile } from './data-file.ts';
import { tooLong } from './lines.ts';
import { longestRow, textOf } from './text-file.ts';

/** An item of the list that the document is, or of a list that is a field of the document. */
export interface JsonItem {
  /** The field; undefined where the document itself is the list. */
  readonly key: string | undefined;
  /** JSON, not parsed yet. */
  readonly text: string;
  /** Line of the file on which it begins. */
  readonly line: number;
}

/** Items in batches; fields that are no lists are left out. @throws DataError naming the line where the document is no JSON */
export async function* itemsOf(file: DataFile): AsyncGenerator<readonly JsonItem[]> {
  const splitter = new Splitter(file.path);
  for await (const piece of textOf(file)) yield splitter.push(piece);
  splitter.end();
}

type State = 'document' | 'item' | 'after item' | 'key' | 'after key' | 'field' | 'after field' | 'end';

const expected: Readonly<Record<State, string>> = {
  document: 'a JSON list or object',
  item: 'a JSON value',
  'after item': "',' or ']'",
  key: 'a key',
  'after key': "':'",
  field: 'a JSON value',
  'after field': "',' or '}'",
  end: 'the end of the JSON document',
};

/** A value that is being followed: where it began, its pieces so far, and what the next character is within. */
interface Value {
  readonly line: number;
  readonly pieces: string[];
  length: number;
  depth: number;
  quoted: boolean;
  escaped: boolean;
}

/** A state machine over characters. Values below items are only followed to their end; JSON.parse judges them later. */
class Splitter {
  readonly #path: string;
  #state: State = 'document';
  #rooted: 'list' | 'object' = 'list';
  #key: string | undefined;
  #line = 1;
  #value: Value | undefined;
  /** A `]` or `}` may come in place of the next item or key: at the beginning only. */
  #mayClose = false;

  constructor(path: string) {
    this.#path = path;
  }

  push(piece: string): JsonItem[] {
    const items: JsonItem[] = [];
    for (let at = 0; at < piece.length;) {
      at = this.#value === undefined ? this.#between(piece, at) : this.#follow(piece, at, items);
    }
    return items;
  }

  end(): void {
    if (this.#state === 'end') return;
    throw new DataError(
      `${this.#path} line ${this.#line}: expected ${expected[this.#state]}, found the end of the file`,
    );
  }

  /** Takes one character between values, or begins a value; gives where to go on. */
  #between(piece: string, at: number): number {
    const character = piece[at]!;
    if (character === '\n') this.#line++;
    if (character === ' ' || character === '\n' || character === '\r' || character === '\t') return at + 1;
    const next = this.#next(character);
    if (next === undefined) this.#fail(character);
    if (next === 'value') {
      this.#value = { line: this.#line, pieces: [], length: 0, depth: 0, quoted: false, escaped: false };
      return at;
    }
    this.#mayClose = (next === 'item' || next === 'key') && character !== ',';
    this.#state = next;
    return at + 1;
  }

  /** The state after a character, 'value' where one begins, undefined where the character cannot stand. */
  #next(character: string): State | 'value' | undefined {
    const closesObject = this.#rooted === 'object' ? 'after field' : 'end';
    switch (this.#state) {
      case 'document':
        this.#rooted = character === '{' ? 'object' : 'list';
        return character === '[' ? 'item' : character === '{' ? 'key' : undefined;
      case 'item':
        if (character === ']') return this.#mayClose ? closesObject : undefined;
        return ',:}'.includes(character) ? undefined : 'value';
      case 'after item':
        return character === ',' ? 'item' : character === ']' ? closesObject : undefined;
      case 'key':
        if (character === '}') return this.#mayClose ? 'end' : undefined;
        return character === '"' ? 'value' : undefined;
      case 'after key':
        return character === ':' ? 'field' : undefined;
      case 'field':
        if (character === '[') return 'item';
        return ',:]}'.includes(character) ? undefined : 'value';
      case 'after field':
        return character === ',' ? 'key' : character === '}' ? 'end' : undefined;
      case 'end':
        return undefined;
    }
  }

  /** Follows the value from `from` to its end or the end of the piece; gives where to go on. */
  #follow(piece: string, from: number, items: JsonItem[]): number {
    const value = this.#value!;
    let at = from;
    let place: Place = 'within';
    while (at < piece.length && place === 'within') {
      const code = piece.charCodeAt(at);
      place = placeOf(value, code);
      if (place === 'past') break; // it belongs to what is around the value
      if (code === lineEnd) this.#line++;
      at++;
    }
    value.pieces.push(piece.slice(from, at));
    value.length += at - from;
    if (value.length > longestRow) throw tooLong(this.#path, `line ${value.line}`);
    if (place !== 'within') this.#finish(value.pieces.join(''), value.line, items);
    return at;
  }

  #finish(text: string, line: number, items: JsonItem[]): void {
    this.#value = undefined;
    if (this.#state === 'item') items.push({ key: this.#key, text, line });
    if (this.#state === 'key') this.#key = String(parseJson(this.#path, { text, line }));
    if (this.#state === 'field') parseJson(this.#path, { text, line });
    this.#state = this.#state === 'item' ? 'after item' : this.#state === 'key' ? 'after key' : 'after field';
  }

  #fail(found: string): never {
    const where = `${this.#path} line ${this.#line}`;
    throw new DataError(`${where}: expected ${expected[this.#state]}, found '${found}'`);
  }
}

/** The value of an item. @throws DataError naming the line of one that is no JSON */
export function parseJson(path: string, { text, line }: Pick<JsonItem, 'text' | 'line'>): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    throw new DataError(`${path} line ${line}: expected JSON, found text that is not`, { cause: error });
  }
}

type Place = 'within' | 'last' | 'past';

const [lineEnd, quote, comma, openList, backslash, closeList, openObject, closeObject] = [
  10, 34, 44, 91, 92, 93, 123, 125,
];

/** Whether a character is within a value, its last one, or past it. */
function placeOf(value: Value, code: number): Place {
  if (value.quoted) {
    if (value.escaped) value.escaped = false;
    else if (code === backslash) value.escaped = true;
    else if (code === quote) {
      value.quoted = false;
      return value.depth === 0 ? 'last' : 'within';
    }
    return 'within';
  }
  const closes = code === closeList || code === closeObject;
  if (code === quote) value.quoted = true;
  else if (code === openList || code === openObject) value.depth++;
  else if (value.depth > 0) return closes && --value.depth === 0 ? 'last' : 'within';
  else if (closes || code === comma || code <= 32) return 'past';
  return 'within';
}
