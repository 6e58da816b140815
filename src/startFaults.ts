// What ordinarily goes wrong between a program and its machine, in a sentence that names the variable to look at.

/** The sentence for this error, or undefined: then it is a fault of ours, and its stack is wanted. */
export function startFault(error: unknown): string | undefined {
  for (let at = error, depth = 0; at instanceof Error && depth < 5; at = at.cause, depth++) {
    const said = sentence(at);
    if (said) return said;
  }
  return undefined;
}

type Fault = NodeJS.ErrnoException & { address?: string; port?: number; hostname?: string };

function sentence(error: Fault): string | undefined {
  const { code, syscall } = error;
  // Node tries a name's addresses one after the other, and each try is an error of its own.
  const { address, port, hostname } = error instanceof AggregateError ? (error.errors[0] as Fault) : error;
  const place = address ? `${address}:${port}` : "it";
  if (syscall === "listen" || code === "EADDRINUSE")
    return `HOST and PORT: cannot listen on ${place} (${code}${code === "EADDRINUSE" ? ": another program does" : ""})`;
  switch (code ?? "") {
    case "ECONNREFUSED":
      return `DATABASE_URL: no Postgres listens on ${place} (${code})`;
    case "ETIMEDOUT":
    case "EHOSTUNREACH":
    case "ENETUNREACH":
      return `DATABASE_URL: ${place} does not answer (${code})`;
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return `DATABASE_URL (or HOST, where the API listens): there is no host ${hostname} (${code})`;
    // Postgres' own words name the user or the database, never the password.
    case "28P01":
    case "28000":
    case "3D000":
      return `DATABASE_URL: ${error.message} (${code})`;
    case "53300":
      return `DATABASE_URL: Postgres has no connection left (${code}): raise max_connections, or start fewer processes`;
    case "57P03":
      return `DATABASE_URL: ${error.message} (${code}); try again in a moment`;
    default:
      return undefined;
  }
}
