// Enqueues once under a key, and is killed by its parent in the middle of it. argv: url, business, lead, key, fingerprint.
import { openDatabase } from "../../db/client.ts";
import { openDoor } from "../../db/door.ts";
import { enqueueRun } from "../../src/runs/enqueue.ts";

const [url = "", business, lead, key = "", fingerprint = ""] = process.argv.slice(2);
const db = openDatabase({ url, name: "child" });
const door = openDoor(db, { businessId: Number(business), actor: "user:7", userId: null });
const input = { leadIds: [Number(lead)], concurrency: 3, outboundListId: null, projectId: null, message: null };
await enqueueRun(door, input, { key, fingerprint });
console.log("committed");
await new Promise(() => setInterval(() => undefined, 1_000));
