// Which workers are gone: signed off, silent for longer than the lease, or provably dead on this machine.
import { sql } from "drizzle-orm";
import { rows } from "../../db/client.ts";
import type { Engine } from "./engine.ts";

export interface GoneWorker {
  id: string;
  name: string;
  graphileWorkerIds: string[];
}

/** Who judges, and how long a silence is enough. */
export interface Judge extends Pick<Engine, "db" | "worker" | "healthyForMs" | "isLocal"> {
  limits: Pick<Engine["limits"], "adoptAfterMs">;
}

interface WorkerRow extends GoneWorker {
  host: string;
  pid: number;
  stopped: boolean;
  silent: boolean;
}

/** Ages are computed by the database's clock, and count from its own start: nobody could renew while it was away. */
export async function workersGone(engine: Judge): Promise<GoneWorker[]> {
  const { adoptAfterMs } = engine.limits;
  const all = await rows<WorkerRow>(
    engine.db,
    sql`select id, name, host, pid, graphile_worker_ids as "graphileWorkerIds", stopped_at is not null as stopped,
               greatest(heartbeat_at, pg_postmaster_start_time()) < clock_timestamp() - make_interval(secs => ${adoptAfterMs / 1000}) as silent
          from outbound_workers
         where id <> ${engine.worker.id}::uuid`,
  );
  const mayJudge = engine.healthyForMs() >= adoptAfterMs;
  return all.filter((w) => w.stopped || (w.silent && mayJudge) || provablyGone(engine, w));
}

/** Same machine, same boot, same process namespace, and no process with its pid (or ours has it now). */
function provablyGone(engine: Judge, worker: WorkerRow): boolean {
  if (worker.host !== engine.worker.host) return false;
  if (worker.pid === engine.worker.pid) return !engine.isLocal(worker.id);
  try {
    process.kill(worker.pid, 0);
    return false;
  } catch (error) {
    return error instanceof Error && "code" in error && error.code === "ESRCH";
  }
}
