// What a person who waits for `make migrate` gets to see.
import pg from "pg";

export type Report = (line: string) => void;

/** Shorter steps say nothing. */
const SPEAK_AFTER_MS = 2_000;

const plain = new Intl.NumberFormat("en");
export const count = (n: number) => plain.format(n);

/** Says at most every two seconds how far a walk has come. */
export function walkProgress(report: Report, note: string): (share: number, changed: number) => void {
  let spoken = performance.now();
  return (share, changed) => {
    if (performance.now() - spoken < SPEAK_AFTER_MS) return;
    spoken = performance.now();
    report(`  ${Math.floor(100 * share)} % looked at, ${count(changed)} ${note}`);
  };
}

/** Runs `work`, and says while it takes long how far Postgres is with it. The question needs a connection of its own. */
export async function withIndexProgress<T>(
  url: string,
  pid: number,
  name: string,
  report: Report,
  work: () => Promise<T>,
): Promise<T> {
  let asking = Promise.resolve();
  const timer = setInterval(() => (asking = asking.then(() => tell(url, pid, name, report))), SPEAK_AFTER_MS);
  try {
    return await work();
  } finally {
    clearInterval(timer);
    await asking;
  }
}

async function tell(url: string, pid: number, name: string, report: Report): Promise<void> {
  const client = new pg.Client({ connectionString: url, application_name: "ringpost migrate progress" });
  client.on("error", () => undefined);
  try {
    await client.connect();
    const { rows } = await client.query<{ phase: string; share: number | null }>(
      `select phase, floor(100.0 * blocks_done / nullif(blocks_total, 0))::int as share from pg_stat_progress_create_index where pid = $1`,
      [pid],
    );
    const [now] = rows;
    if (now) report(`  ${name}: ${now.phase}${now.share === null ? "" : `, ${now.share} %`}`);
  } catch {
    // Only words are lost.
  } finally {
    await client.end().catch(() => undefined);
  }
}
