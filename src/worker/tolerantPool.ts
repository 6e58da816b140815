// A pool for Graphile Worker, whose listener gives its connection back twice when it breaks at the wrong moment. The
// second time throws where nobody can catch it, and would end the process; here it does nothing. Likewise once the pool has
// ended, at the end of a drain that a task was too slow for: what Graphile then still wants to store of it has no address.
import type pg from "pg";

type Connected = (error: Error | undefined, client: pg.PoolClient | undefined, done: Done) => void;
type Done = (error?: Error | boolean) => void;

export function tolerantPool(pool: pg.Pool): pg.Pool {
  const connect = (connected?: Connected): unknown => {
    // Its rejection would be nobody's. Whoever comes for the task finds it locked by a worker that has signed off.
    if (!connected) return pool.ending ? new Promise(() => {}) : pool.connect();
    pool.connect((error, client, done) => connected(error, client, once(done)));
    return undefined;
  };
  return new Proxy(pool, {
    get(target, key) {
      if (key === "connect") return connect;
      const value: unknown = Reflect.get(target, key);
      return typeof value === "function" ? (value.bind(target) as unknown) : value;
    },
  });
}

function once(done: Done): Done {
  let given = false;
  return (error) => {
    if (given) return;
    given = true;
    done(error);
  };
}
