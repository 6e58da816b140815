// Apart from requestRole.ts, because main.ts knows it before anything else is loaded.

/** What is missing, and what an administrator has to run. */
export class RequestRoleMissing extends Error {
  constructor(sql: string) {
    super(
      `The database user may not set up the role ringpost_request, which requests run as. ` +
        `Either give the user CREATEROLE, or run once as an administrator:\n  ${sql}`,
    );
    this.name = "RequestRoleMissing";
  }
}
