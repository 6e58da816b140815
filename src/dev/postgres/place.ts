// Where things are: the data directory the server really uses, and the files beside the one that was asked for.
//
// Under root a project often lives where the server's account cannot go (/root is 0700). Then the data lives in
// /var/lib/ringpost, and the directory that was asked for is a link to it. The link is the claim: data whose link
// is gone (somebody deleted .data to start afresh) is deleted on the next start.

import { createHash } from "node:crypto";
import {
  chmodSync,
  lstatSync,
  mkdirSync,
  readlinkSync,
  realpathSync,
  renameSync,
  statSync,
  symlinkSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join, resolve } from "node:path";
import { type Account, canEnter } from "./account.ts";

export type Place = {
  /** As asked for, absolute. */
  asked: string;
  /** What the server sees: free of links, reachable by its account. */
  dataDir: string;
  /** The link to make once data is there; the same as `asked` when none is needed. */
  linked: boolean;
  /** The data directory was left behind by a deleted project folder. */
  abandoned: boolean;
};

export const sibling = (asked: string, ending: string): string => `${asked}.${ending}`;

export function findPlace(dataDir: string, account: Account | undefined): Place {
  const parent = resolve(dirname(dataDir));
  mkdirSync(parent, { recursive: true });
  const asked = join(realpathSync(parent), basename(dataDir));
  const existing = lstatSync(asked, { throwIfNoEntry: false });
  if (existing?.isSymbolicLink())
    return { asked, dataDir: resolve(dirname(asked), readlinkSync(asked)), linked: true, abandoned: false };
  if (!account || canEnter(account, dirname(asked))) return { asked, dataDir: asked, linked: false, abandoned: false };
  if (existing)
    throw new Error(`${asked} cannot be reached by ${account.name}: allow it (chmod o+x on each parent), or move it`);
  const elsewhere = join(sharedFolder(account), createHash("sha256").update(asked).digest("hex").slice(0, 16));
  return {
    asked,
    dataDir: elsewhere,
    linked: true,
    abandoned: statSync(elsewhere, { throwIfNoEntry: false }) !== undefined,
  };
}

/** Makes the link, or does nothing where the data is where it was asked for. */
export function claim(place: Place): void {
  if (!place.linked || lstatSync(place.asked, { throwIfNoEntry: false })) return;
  const draft = sibling(place.asked, `link-${process.pid}`);
  symlinkSync(place.dataDir, draft);
  renameSync(draft, place.asked);
}

/** A folder of ours that the account can enter and nobody else can write to. */
export function sharedFolder(account: Account | undefined): string {
  const mine = process.getuid?.() ?? 0;
  for (const folder of ["/var/lib/ringpost", join(tmpdir(), `ringpost-${mine}`)]) {
    try {
      mkdirSync(folder, { recursive: true });
      const { uid, mode } = lstatSync(folder);
      if (uid !== mine) continue;
      if ((mode & 0o777) !== 0o755) chmodSync(folder, 0o755);
      if (canEnter(account, folder)) return folder;
    } catch {
      // Not ours to write: the next one.
    }
  }
  throw new Error("no folder that the Postgres account can reach: tried /var/lib and the temporary folder");
}
