// The errors a user can cause, each with the exit code the command line promises for it.

/** An error that is the user's to mend: one line `where: expected X, found Y`, and an exit code. */
export abstract class UserError extends Error {
  /** Process exit code. A gate that fails is a verdict (exit code 1), not an error. */
  abstract readonly exitCode: 2;
}

/** Wrong flags or arguments. */
export class UsageError extends UserError {
  override readonly name = 'UsageError';
  readonly exitCode = 2;
}

/** A model file that cannot be read, is not valid, or cannot be treated as asked. */
export class ModelError extends UserError {
  override readonly name = 'ModelError';
  readonly exitCode = 2;
}

/** Data rows, columns, labels or tokenizer files that cannot be used. */
export class DataError extends UserError {
  override readonly name = 'DataError';
  readonly exitCode = 2;
}
