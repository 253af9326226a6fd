// Where a compressed model goes, and how it gets there: written in a temporary folder beside its place, judged, then renamed.
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  renameSync,
  rmdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, dirname, join, relative, resolve } from 'node:path';
import { UsageError } from '../errors.ts';
import type { ModelPath } from '../model-path.ts';
import { readModel } from '../onnx/read.ts';
import { sourceFiles } from '../onnx/sources.ts';
import { writing } from '../system-errors.ts';
import { removeStale, temporaryPrefix } from './stale.ts';

/** File name endings by precision, as transformers.js looks for them (`dtype`). */
export const suffixes = { int8: '_quantized', uint8: '_uint8', fp16: '_fp16', fp32: '' } as const;
export type Precision = keyof typeof suffixes;

export interface OutputPlan {
  /** Final path of the .onnx file. */
  readonly path: string;
  /** The model folder that it is part of, where one is made. */
  readonly folder?: string | undefined;
  /** Files copied beside it, source to target: configuration and tokenizer of a complete model folder. */
  readonly copies: readonly (readonly [string, string])[];
  /** Texts written beside it, target to text: a configuration that says something else than the input's. */
  readonly texts?: ReadonlyMap<string, string> | undefined;
}

/** What makes a folder loadable: every one that the source has is copied. */
const companions = [
  'config.json',
  'tokenizer.json',
  'tokenizer_config.json',
  'special_tokens_map.json',
  'added_tokens.json',
  'vocab.txt',
  'vocab.json',
  'merges.txt',
  'sentencepiece.bpe.model',
  'spiece.model',
  'generation_config.json',
  'preprocessor_config.json',
  'modules.json',
  'sentence_bert_config.json',
  'config_sentence_transformers.json',
  '1_Pooling/config.json',
];

/**
 * Plan the output. `sources` are the files the model is read from. Throws UsageError where something is there already (without `force`),
 * or the output would replace one of the sources.
 */
export function planOutput(
  input: ModelPath,
  sources: readonly string[],
  precision: Precision,
  output: string | undefined,
  force: boolean,
): OutputPlan {
  const plan = writing(output ?? input.folder, () => locate(input, precision, output));
  const files = [plan.path, dataPath(plan.path)];
  const own = files.find((file) => sources.some((source) => isSameFile(file, source)));
  if (own) throw new UsageError(`${own}: expected an output other than the input, found the input itself`);
  const taken = [...files, ...plan.copies.map(([, to]) => to)].find((path) => existsSync(path));
  if (taken && !force) throw new UsageError(`${taken}: expected no file there, found one: pass --force to replace it`);
  const folder = files.find((file) => isFolder(file));
  if (folder) throw new UsageError(`${folder}: expected a file or nothing there, found a folder`);
  return plan;
}

/** True for one file under two names: folders that are links, upper and lower case. A link in the file's place is replaced, not followed. */
function isSameFile(path: string, source: string): boolean {
  if (resolve(path) === resolve(source)) return true;
  if (!existsSync(path)) return false;
  const [a, b] = [lstatSync(path, { bigint: true }), statSync(source, { bigint: true })];
  return a.dev === b.dev && a.ino === b.ino;
}

function isFolder(path: string): boolean {
  return existsSync(path) && statSync(path).isDirectory();
}

function locate(input: ModelPath, precision: Precision, output: string | undefined): OutputPlan {
  const stem = basename(input.onnxPath).replace(/\.onnx$/, '');
  const name = `${stem}${suffixes[precision]}.onnx`;
  if (output === undefined) return { path: join(dirname(input.onnxPath), name), copies: [] };
  if (output === '') throw new UsageError('--output: expected FILE.onnx or a folder, found an empty name');
  if (output.endsWith('.onnx') && !isFolder(output)) return { path: output, copies: [] };
  if (existsSync(output) && !isFolder(output)) {
    throw new UsageError(`${output}: expected a name ending in .onnx or a folder, found another file`);
  }
  const copies = companions
    .map((file) => [join(input.folder, file), join(output, file)] as const)
    .filter(([from, to]) => existsSync(from) && !isCopy(from, to));
  return { path: join(output, 'onnx', `model${suffixes[precision]}.onnx`), folder: output, copies };
}

/**
 * Plan the output of a command that makes another model, not another form of one: by default a folder `NAME-SUFFIX` beside the model's,
 * complete for transformers.js. Throws UsageError as `planOutput` does.
 */
export function planFolder(input: ModelPath, suffix: string, output: string | undefined, force: boolean): OutputPlan {
  const folder = resolve(input.folder);
  const loose = input.config === undefined;
  const name = loose ? basename(input.onnxPath).replace(/\.onnx$/, '') : basename(folder);
  const sources = sourceFiles(input.onnxPath, readModel(input.onnxPath)).map((file) => file.path);
  return planOutput(
    input,
    sources,
    'fp32',
    output ?? join(loose ? folder : dirname(folder), `${name}-${suffix}`),
    force,
  );
}

/** True where the file is there with the same content: a folder may take a model in several precisions, one after the other. */
function isCopy(from: string, to: string): boolean {
  if (!existsSync(to)) return false;
  const found = statSync(to);
  return found.isFile() && found.size === statSync(from).size && readFileSync(from).equals(readFileSync(to));
}

/** Where a model's external data lies (onnx/write.ts). */
function dataPath(path: string): string {
  return `${path}_data`;
}

/** A temporary folder beside the output, in which the model has its final name; removed however the work ends. */
export class Staging {
  readonly #plan: OutputPlan;
  readonly #folder: string;
  readonly #made: string | undefined;
  readonly #onExit = (): void => this.discard();

  /** Throws UsageError where the folder cannot be made. */
  constructor(plan: OutputPlan) {
    this.#plan = plan;
    const target = dirname(plan.path);
    [this.#made, this.#folder] = writing(plan.path, () => {
      const made = mkdirSync(target, { recursive: true });
      removeStale(target);
      return [made && resolve(made), mkdtempSync(join(target, temporaryPrefix()))];
    });
    process.once('exit', this.#onExit);
  }

  /** Where to write the model. */
  get path(): string {
    return join(this.#folder, basename(this.#plan.path));
  }

  /** Where to write a model that failed its gate. */
  get rejectedPath(): string {
    return rejectedPath(this.path);
  }

  /** Where a small file can stand that refers to the model's weights. */
  get checkPath(): string {
    return join(this.#folder, 'check.onnx');
  }

  /** Put the files that go beside the model there now, so that the temporary folder is read as the final one will be. */
  companions(): void {
    const { folder, copies, texts = new Map<string, string>() } = this.#plan;
    if (folder === undefined) return;
    const within = (to: string): string => join(this.#folder, relative(folder, to));
    for (const [from, to] of copies)
      writing(to, () => {
        mkdirSync(dirname(within(to)), { recursive: true });
        copyFileSync(from, within(to));
      });
    for (const [to, text] of texts) writing(to, () => writeFileSync(within(to), text));
  }

  /** Move the written files to their final names. Throws UsageError where the file system refuses. */
  accept(): void {
    for (const [from, to] of this.#plan.copies)
      writing(to, () => {
        mkdirSync(dirname(to), { recursive: true });
        copyFileSync(from, to);
      });
    for (const [to, text] of this.#plan.texts ?? []) writing(to, () => writeFileSync(to, text));
    this.#move(this.path, this.#plan.path);
    this.#remove();
  }

  /** Move what was written to `rejectedPath` beside the final name, which stays as it was. */
  reject(): void {
    this.#move(this.rejectedPath, rejectedPath(this.#plan.path));
    this.#remove();
  }

  /** Data before model, so that a model never lacks its data. */
  #move(from: string, to: string): void {
    writing(to, () => {
      if (existsSync(dataPath(from))) renameSync(dataPath(from), dataPath(to));
      else rmSync(dataPath(to), { force: true });
      renameSync(from, to);
    });
  }

  /** Remove what was written, and folders that were made for it unless something else stands there by now. */
  discard(): void {
    this.#remove();
    if (!this.#made) return;
    const within = (folder: string): boolean => folder.length >= this.#made!.length;
    for (let at = resolve(dirname(this.#plan.path)); within(at) && isEmpty(at); at = dirname(at)) rmdirSync(at);
  }

  #remove(): void {
    process.removeListener('exit', this.#onExit);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

function isEmpty(folder: string): boolean {
  return existsSync(folder) && readdirSync(folder).length === 0;
}

/** Name under which a model that failed its gate is kept: `NAME.rejected.onnx`. */
export function rejectedPath(path: string): string {
  return path.replace(/\.onnx$/, '.rejected.onnx');
}
