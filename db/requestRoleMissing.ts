// What is missing for the role that requests run as, and what an administrator has to run. In a file of its own, so that
// who only catches it does not load the database's modules.
export class RequestRoleMissing extends Error {
  constructor(role: string, sql: string) {
    super(
      `The database user may not set up the role ${role}, which requests run as. ` +
        `Either give the user CREATEROLE, or run once as an administrator:\n  ${sql}`,
    );
    this.name = "RequestRoleMissing";
  }
}
