// What all commands share: progress, exit codes, and errors as one line.
import { Command, Errors, type Interfaces } from '@oclif/core';
import { UserError } from '../errors.ts';
import { silent, type Events } from '../pipeline/events.ts';

/** Exit codes: 0 done and every gate holds, 1 a gate failed, 2 wrong usage, model or data, 130 interrupted, 70 our bug. */
export const exitCodes = { ok: 0, gate: 1, usage: 2, bug: 70, interrupted: 130 } as const;

/** A command whose `--json` prints the returned object and nothing else. */
export abstract class BaseCommand extends Command {
  static override enableJsonFlag = true;
  #stop: () => void = () => {};
  #abort: AbortController | undefined;

  /** Aborted by Ctrl-C: the work stops at its next pause, cleans up and the process ends with 130. */
  protected interruptible(): AbortSignal {
    const abort = new AbortController();
    this.#abort = abort;
    const stop = (): void => {
      if (abort.signal.aborted) process.exit(exitCodes.interrupted); // asked twice
      abort.abort(new Error('interrupted'));
    };
    process.on('SIGINT', stop).on('SIGTERM', stop);
    return abort.signal;
  }

  /** Progress on stderr unless it is unwanted. */
  protected async events(quiet: boolean): Promise<Events> {
    if (quiet) return silent;
    const { progressOn } = await import('../report/progress.ts');
    const events = await progressOn(process.stderr);
    this.#stop = events.stop;
    return events;
  }

  protected override async catch(error: Interfaces.CommandError): Promise<never> {
    this.#stop();
    if (this.#abort?.signal.aborted) {
      process.stderr.write('bert-compress: interrupted, nothing was written\n');
      return process.exit(exitCodes.interrupted);
    }
    // oclif writes around what a flag's own parser says
    const said = error.message.replace(/^Parsing --\S+\s+|\s*See more help with --help$/g, '');
    if (error instanceof UserError) return this.#fail(said, error.exitCode);
    if (error instanceof Errors.ExitError) throw error;
    if (error instanceof Errors.CLIError)
      return this.#fail(
        `${error.message
          .split('\n')
          .filter((line) => line && !/^(See more|Note: --|Because of this|Alternatively)/.test(line))
          .join(' ')} (see --help)`,
        exitCodes.usage,
      );
    process.stderr.write(
      `bert-compress: this is a bug of bert-compress, please report it:\n${error.stack ?? error.message}\n`,
    );
    await annotate(`a bug of bert-compress: ${error.message}`);
    return process.exit(exitCodes.bug);
  }

  protected override async finally(error: Error | undefined): Promise<void> {
    this.#stop();
    await super.finally(error);
  }

  async #fail(message: string, code: number): Promise<never> {
    const line = message.replace(/\s*\n\s*/g, ' ');
    process.stderr.write(`bert-compress: ${line}\n`);
    await annotate(line);
    process.exit(code);
  }
}

/** Shows an error that leaves no report where a CI system looks for it. */
async function annotate(message: string): Promise<void> {
  const { errorAnnotation } = await import('../report/ci.ts');
  for (const line of errorAnnotation(message, process.env)) process.stderr.write(`${line}\n`);
}
