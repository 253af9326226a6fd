// What a pipeline tells while it works; the command line draws it, a library's caller may ignore it.

export interface Events {
  /** A line for the user. */
  log(line: string): void;
  /** Begin a part of the work; the function takes what is done and what there is in all. */
  bar(label: string): (done: number, total: number) => void;
}

/** Says nothing. */
export const silent: Events = { log: () => {}, bar: () => () => {} };
