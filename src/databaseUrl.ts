// Whether the driver can read DATABASE_URL, asked of the driver itself: a fault then has a name before anything connects.
import pg from "pg";
import * as v from "valibot";

const SCHEME = /^postgres(ql)?:\/\//;
const HIGHEST_PORT = 65_535;

export const databaseUrl = v.pipe(
  v.string(),
  v.trim(),
  v.rawCheck(({ dataset, addIssue }) => {
    const fault = dataset.typed ? faultOf(dataset.value) : undefined;
    if (fault) addIssue({ message: fault });
  }),
);

/** Never quotes the URL, nor the driver's own words, which may: there is a password in it. */
function faultOf(url: string): string | undefined {
  if (!SCHEME.test(url)) return "must start with postgres://";
  try {
    // Reads the URL, and the certificates that it names; connects to nothing.
    const { port } = new pg.Client(url);
    return port >= 1 && port <= HIGHEST_PORT ? undefined : `must have a port from 1 to ${HIGHEST_PORT}`;
  } catch (error) {
    const isFile = error instanceof Error && "syscall" in error;
    if (isFile) return "names a certificate or a key that cannot be read";
    return "cannot be read: is host or port malformed, or a character of the password not percent-encoded?";
  }
}
