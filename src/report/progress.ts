// Progress on stderr: bars with ETA on a terminal, a plain line now and then elsewhere, nothing for what is quick.
import type { Events } from '../pipeline/events.ts';
import type { SingleBar } from 'cli-progress';

/** A part of the work that ends sooner than this shows nothing; milliseconds. */
const QUIET_FOR = 700;
/** Where stderr is no terminal, a line this often; milliseconds. */
const LINE_EVERY = 5000;

/** Events that are drawn on stderr. Call `stop` at the end, or before an error is printed. */
export async function progressOn(stream: NodeJS.WriteStream): Promise<Events & { stop(): void }> {
  const bars = stream.isTTY ? await import('cli-progress') : undefined;
  let open: SingleBar | undefined;
  const stop = (): void => {
    open?.stop();
    open = undefined;
  };
  return {
    stop,
    log(line) {
      stop();
      stream.write(`${line}\n`);
    },
    bar(label) {
      stop();
      const begun = performance.now();
      let spoken = begun;
      let bar: SingleBar | undefined;
      return (done, total, note = '') => {
        const now = performance.now();
        if (bars) {
          // another part of the work, or a line for the user, took its place
          if (bar !== open) bar = undefined;
          if (!bar && now - begun > QUIET_FOR && done < total) {
            bar = new bars.default.SingleBar(
              {
                format: `${label} {bar} {percentage} % | {note}{eta_formatted} left`,
                hideCursor: true,
                clearOnComplete: true,
                stream,
                barsize: 30,
              },
              bars.default.Presets.shades_classic,
            );
            bar.start(total, done, { note: '' });
            open = bar;
          }
          bar?.setTotal(total);
          bar?.update(done, { note: note && `${note} | ` });
          if (bar && done >= total) stop();
        } else if (now - spoken > LINE_EVERY && done < total) {
          spoken = now;
          const left = ((now - begun) / done) * (total - done);
          const more = note && `, ${note}`;
          stream.write(`${label}: ${Math.floor((100 * done) / total)} %${more}, ${Math.ceil(left / 1000)} s left\n`);
        }
      };
    },
  };
}
