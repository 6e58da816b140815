// Errors that a caller may act on: few, named, and carrying a stable code. Everything else is a bug and stays an Error.

/** Codes are part of the public contract: they appear in problem answers and never change their meaning. */
export class CodedError extends Error {
  readonly code: string;
  readonly detail: Record<string, unknown>;

  constructor(code: string, message: string, detail: Record<string, unknown> = {}) {
    super(message);
    this.name = "CodedError";
    this.code = code;
    this.detail = detail;
  }
}
