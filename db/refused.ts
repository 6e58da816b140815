// What a person must do before a database can be migrated. Apart from migrate.ts, because main.ts knows these errors before
// anything else is loaded.

/** The message says what stands in the way and what to do about it. Nothing that was done until then is undone. */
export class MigrationRefused extends Error {
  constructor(message: string) {
    super(message);
    this.name = "MigrationRefused";
  }

  /** What a migration file refuses with `raise exception`, hint included. */
  static of(error: unknown): MigrationRefused | undefined {
    if (!(error instanceof Error && "code" in error && error.code === RAISED)) return undefined;
    const hint = "hint" in error && typeof error.hint === "string" ? `\n${error.hint}` : "";
    return new MigrationRefused(error.message + hint);
  }
}

/** raise_exception */
const RAISED = "P0001";

/** What is missing, and what an administrator has to run. */
export class RequestRoleMissing extends MigrationRefused {
  constructor(sql: string) {
    super(
      `The database user may not set up the role ringpost_request, which requests run as. ` +
        `Either give the user CREATEROLE, or run once as an administrator:\n  ${sql}`,
    );
    this.name = "RequestRoleMissing";
  }
}
