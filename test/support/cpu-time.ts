// How long something takes this process: another process on the machine must not decide whether a test passes.

/** Milliseconds of processor time, user and system, that `work` takes. */
export function cpuTimeOf(work: () => void): number {
  const start = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(start);
  return (user + system) / 1000;
}
