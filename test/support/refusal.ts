// Runs a command in this process up to its end by process.exit: a refusal costs no start of a process. That a process ends so, `cli` shows.
import { Config, type Command } from '@oclif/core';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
// that of the manifest of a build, which may lie there
const { version } = JSON.parse(readFileSync(`${root}package.json`, 'utf8')) as { version: string };
const pjson = { name: 'bert-compress', version, oclif: { bin: 'bert-compress' } };

class Exit extends Error {
  readonly code: unknown;

  constructor(code: unknown) {
    super(`process.exit(${String(code)})`);
    this.code = code;
  }
}

type Runnable = Pick<typeof Command, 'run'> & (new (argv: string[], config: Config) => Command);

/** Exit code and output of `bert-compress COMMAND ARGS`, which must not succeed. */
export async function refusal(
  command: Runnable,
  args: readonly string[],
): Promise<{ code: unknown; stdout: string; stderr: string }> {
  let [stdout, stderr] = ['', ''];
  const spies = [
    vi.spyOn(process, 'exit').mockImplementation((code) => {
      throw new Exit(code);
    }),
    vi.spyOn(process.stdout, 'write').mockImplementation((text) => ((stdout += String(text)), true)),
    vi.spyOn(process.stderr, 'write').mockImplementation((text) => ((stderr += String(text)), true)),
  ];
  const signals = ['SIGINT', 'SIGTERM'] as const;
  const before = new Map(signals.map((signal) => [signal, process.listeners(signal)]));
  try {
    await command.run([...args], await Config.load({ root, pjson }));
  } catch (error) {
    if (error instanceof Exit) return { code: error.code, stdout, stderr };
    throw error;
  } finally {
    for (const spy of spies) spy.mockRestore();
    for (const signal of signals)
      for (const listener of process.listeners(signal))
        if (!before.get(signal)!.includes(listener)) process.removeListener(signal, listener);
  }
  throw new Error(`expected a refusal of ${args.join(' ')}, found none`);
}
