// The stand-in as a process of its own: its first line, its end, and that it shares no code with the product.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { connectObserver } from "../../src/dev/twilio/client.ts";
import { spawnStandIn } from "../../src/dev/twilio/spawn.ts";
import { FROM, number, sdk } from "./support.ts";

const folder = fileURLToPath(new URL("../../src/dev/twilio/", import.meta.url));

describe("the process", () => {
  it("says where it listens in one line, and ends cleanly on SIGTERM with calls live", async () => {
    const options = JSON.stringify({ authToken: "secret", scripts: [{ talkMs: 60_000 }] });
    const child = spawn(process.execPath, [`${folder}process.ts`, options], { stdio: ["ignore", "pipe", "inherit"] });
    const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
    const { url, accountSid, authToken } = JSON.parse(line) as Record<"url" | "accountSid" | "authToken", string>;
    assert.equal(authToken, "secret");
    await sdk({ url, accountSid, authToken }).calls.create({ to: number(1), from: FROM, twiml: "<Response/>" });
    assert.equal((await connectObserver(url).report()).liveNow, 1);
    child.kill("SIGTERM");
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("ends with its parent if told to", async () => {
    const argument = JSON.stringify({ endWithInput: true });
    const child = spawn(process.execPath, [`${folder}process.ts`, argument], { stdio: ["pipe", "pipe", "inherit"] });
    await once(createInterface({ input: child.stdout }), "line");
    child.stdin.end();
    assert.deepEqual(await once(child, "exit"), [0, null]);
  });

  it("says so when it cannot start, and what it refuses", async (t) => {
    const standIn = await spawnStandIn();
    t.after(() => standIn.close());
    const port = Number(new URL(standIn.url).port);
    const second = spawn(process.execPath, [`${folder}process.ts`, JSON.stringify({ port })], { stdio: "ignore" });
    assert.deepEqual(await once(second, "exit"), [1, null]);
    await assert.rejects(standIn.setFaults([{ on: "create", kind: "error" }]), /needs a status/);
    assert.equal((await fetch(`${standIn.url}/observer/nothing`)).status, 404);
  });
});

describe("independence", () => {
  it("imports only Node's own modules and its own folder", async () => {
    for (const name of await readdir(folder)) {
      const source = await readFile(`${folder}${name}`, "utf8");
      const imports = [...source.matchAll(/(?<!")\b(?:from|import)\s*\(?\s*"([^"]+)"/g)].map((match) => match[1] ?? "");
      for (const path of imports) assert.match(path, /^(node:[a-z_/]+|\.\/[a-zA-Z]+\.ts)$/, `${name} imports ${path}`);
    }
  });
});
