// Cursors: opaque to callers, checked when they come back. They hold a row's id and the list it belongs to; the tenant's
// WHERE stands in every query anyway, so a forged one reaches nothing new.
import { CodedError } from "../errors.ts";

type List = "runs" | "jobs" | "audit";

export function cursorOf(list: List, mark: number | null): string | null {
  return mark === null ? null : Buffer.from(`${list}:${mark}`).toString("base64url");
}

/** Where the page begins; undefined without a cursor. Throws cursor.invalid for anything that cursorOf did not make. */
export function markOf(list: List, cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const [from, mark, ...rest] = Buffer.from(cursor, "base64url").toString("latin1").split(":");
  const id = Number(mark);
  // bigserial on the audit trail: beyond int4, within what a JavaScript number holds exactly.
  const sound = from === list && rest.length === 0 && /^[1-9]\d{0,15}$/.test(mark ?? "") && Number.isSafeInteger(id);
  if (!sound || cursorOf(list, id) !== cursor) throw new CodedError("cursor.invalid", "not a cursor of this list");
  if (list !== "audit" && id > 2_147_483_647) throw new CodedError("cursor.invalid", "beyond every id");
  return id;
}
