// What a pipeline tells while it works; the command line draws it, a library's caller may ignore it.

export interface Events {
  /** A line for the user. */
  log(line: string): void;
  /** Begin a part of the work; the function takes what is done, what there is in all, and what else is to be seen. */
  bar(label: string): (done: number, total: number, note?: string) => void;
}

/** Says nothing. */
export const silent: Events = { log: () => {}, bar: () => () => {} };
