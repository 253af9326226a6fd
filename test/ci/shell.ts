// CI steps taken out of their files and run as shell, with a npm and a bert-compress that only say what they were given.
import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import { tempDir } from '../support/temp.ts';

export const root = fileURLToPath(new URL('../..', import.meta.url));
export const read = (path: string): string => readFileSync(join(root, path), 'utf8');

/** Takes down its arguments, writes the reports it is asked for unless it fails as one that has none, and exits as told. */
const fakeCli = `#!/usr/bin/env bash
printf '%s\\0' "$@" >"$FAKE/cli.args"
next=
for arg; do
  file=
  if [ -n "$next" ]; then file=$arg; next=; fi
  case "$arg" in --report) next=1 ;; --report=*) file=\${arg#--report=} ;; --) break ;; esac
  if [ -n "$file" ] && [ "$FAKE_CODE" -lt 2 ] && [ -f "$FAKE/report.json" ]; then
    mkdir -p "$(dirname "$file")"
    cp "$FAKE/report.json" "$file"
  fi
done
exit "$FAKE_CODE"
`;

/** Puts bert-compress where an install with --prefix puts it. */
const fakeNpm = `#!/usr/bin/env bash
printf '%s\\0' "$@" >"$FAKE/npm.args"
while [ $# -gt 0 ]; do
  if [ "$1" = --prefix ]; then
    mkdir -p "$2/node_modules/.bin"
    cp "$FAKE/bin/bert-compress" "$2/node_modules/.bin/"
  fi
  shift
done
exit "\${NPM_CODE:-0}"
`;

/** A folder to run steps in: fake programs first on PATH, the project's files nowhere near. */
export class Place {
  readonly folder = tempDir();
  readonly fake = join(this.folder, 'fake');
  readonly work = join(this.folder, 'work');
  readonly temp = join(this.folder, 'runner temp');
  readonly output = join(this.folder, 'github-output');

  /** `report` is what the fake bert-compress writes; `cli` another program in its stead. */
  constructor(report: unknown = { verdict: 'pass' }, cli: string = fakeCli) {
    for (const path of [join(this.fake, 'bin'), this.work, this.temp]) mkdirSync(path, { recursive: true });
    if (report !== undefined) writeFileSync(join(this.fake, 'report.json'), JSON.stringify(report));
    for (const [name, text] of Object.entries({ npm: fakeNpm, 'bert-compress': cli })) {
      const path = join(this.fake, 'bin', name);
      writeFileSync(path, text);
      chmodSync(path, 0o755);
    }
    writeFileSync(this.output, '');
  }

  /** Run a script as its system does; `code` is what bert-compress is to exit with. */
  run(script: string, shell: readonly string[], code: number, env: Readonly<Record<string, string>> = {}) {
    const path = join(this.folder, 'step.sh');
    writeFileSync(path, script);
    const { status, stdout, stderr } = spawnSync(shell[0]!, [...shell.slice(1), path], {
      cwd: this.work,
      encoding: 'utf8',
      env: {
        ...process.env,
        PATH: `${join(this.fake, 'bin')}${delimiter}${process.env.PATH}`,
        FAKE: this.fake,
        FAKE_CODE: String(code),
        RUNNER_TEMP: this.temp,
        GITHUB_ACTION_PATH: root,
        GITHUB_OUTPUT: this.output,
        ...env,
      },
    });
    return { code: status, stdout, stderr };
  }

  /** What a fake program was given last; undefined where it was not called. */
  given(program: 'cli' | 'npm'): string[] | undefined {
    const path = join(this.fake, `${program}.args`);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\0').slice(0, -1) : undefined;
  }

  /** What the step wrote to $GITHUB_OUTPUT. */
  outputs(): Record<string, string> {
    const lines = readFileSync(this.output, 'utf8').split('\n').filter(Boolean);
    return Object.fromEntries(
      lines.map((line) => [line.slice(0, line.indexOf('=')), line.slice(line.indexOf('=') + 1)]),
    );
  }
}

export interface ActionStep {
  readonly name: string;
  readonly shell: string;
  readonly run: string;
  readonly env: Record<string, string>;
}

interface Action {
  readonly inputs: Record<string, { default?: string; required?: boolean }>;
  readonly outputs: Record<string, { value: string }>;
  readonly runs: { readonly using: string; readonly steps: readonly ActionStep[] };
}

export const action = parse(read('action.yml')) as Action;

/** The environment of a step of action.yml for these inputs, the others at their defaults. */
export function stepEnv(step: ActionStep, inputs: Readonly<Record<string, string>>): Record<string, string> {
  const value = (name: string): string => {
    if (!(name in action.inputs)) throw new Error(`${step.name}: action.yml has no input '${name}'`);
    return inputs[name] ?? action.inputs[name]!.default ?? '';
  };
  return Object.fromEntries(
    Object.entries(step.env).map(([key, text]) => [
      key,
      text.replace(/\$\{\{ inputs\.([\w-]+) \}\}/g, (_, name: string) => value(name)),
    ]),
  );
}

/** The script of the GitLab job, its lines run one after another as the runner does. */
export function gitlabScript(text = read('examples/ci/gitlab-ci.yml')): string {
  const jobs = parse(text) as Record<string, { script: readonly string[] }>;
  return Object.values(jobs)
    .flatMap((job) => job.script)
    .join('\n');
}

/** The scripts of `sh` steps in a Jenkinsfile; in Groovy's '''…''' a backslash joins lines. */
export function jenkinsScripts(text = read('examples/ci/Jenkinsfile')): string[] {
  return [...text.matchAll(/\bsh '''([\s\S]*?)'''/g)].map((match) => match[1]!.replaceAll('\\\n', ''));
}

/** Exit codes that bert-compress promises. */
const promised = [0, 1, 2, 130];

/** Which of bert-compress's exit codes a script turns into another: none for a step that can be trusted. */
export function swallowed(
  script: string,
  shell: readonly string[],
  prepare: (place: Place) => Readonly<Record<string, string>> = () => ({}),
): string[] {
  return promised.flatMap((code) => {
    const place = new Place();
    const found = place.run(script, shell, code, prepare(place));
    if (!place.given('cli')) return [`${code}: bert-compress was not called: ${found.stderr}`];
    return found.code === code ? [] : [`${code} becomes ${found.code}`];
  });
}
