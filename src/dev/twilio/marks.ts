// Marks: "from this instant on nobody may call these", and what happened all the same.

/** Whom a mark protects: these numbers, or everybody whom this caller id calls, or (neither given) everybody. */
export interface MarkRule {
  tos?: readonly string[];
  from?: string;
}

/** What came after a mark. */
export interface AfterMark {
  /** Creates that arrived after the mark, or arrived before it and were accepted after it. Each counts once. */
  violations: number;
  arrived: number;
  accepted: number;
  /** Calls, accepted whenever, that were dialled after the mark: those that waited in the carrier's queue. Not violations. */
  dialled: number;
  /** The numbers of the violations, the first 20. */
  tos: string[];
}

interface Mark {
  atMs: number;
  from: string | undefined;
  after: AfterMark;
}

const KEEP_TOS = 20;

/** Marks found by number or caller id in constant time. Instants are milliseconds of a clock that never goes back. */
export class Marks {
  #byLabel = new Map<string, Mark>();
  #byTo = new Map<string, Mark[]>();
  #byFrom = new Map<string, Mark[]>();
  #everybody: Mark[] = [];

  add(label: string, rule: MarkRule, nowMs: number): void {
    const after = { violations: 0, arrived: 0, accepted: 0, dialled: 0, tos: [] };
    const mark = { atMs: nowMs, from: rule.from, after };
    this.#byLabel.set(label, mark);
    if (rule.tos) for (const to of rule.tos) push(this.#byTo, to, mark);
    else if (rule.from !== undefined) push(this.#byFrom, rule.from, mark);
    else this.#everybody.push(mark);
  }

  arrived(to: string, from: string, arrivedMs: number): void {
    for (const mark of this.#about(to, from)) {
      if (arrivedMs < mark.atMs) continue;
      mark.after.arrived += 1;
      violation(mark, to);
    }
  }

  /** `arrivedMs`: when the request of the call that is accepted now had arrived. */
  accepted(to: string, from: string, arrivedMs: number): void {
    for (const mark of this.#about(to, from)) {
      mark.after.accepted += 1;
      if (arrivedMs < mark.atMs) violation(mark, to);
    }
  }

  dialled(to: string, from: string): void {
    for (const mark of this.#about(to, from)) mark.after.dialled += 1;
  }

  figures(): Record<string, AfterMark> {
    return Object.fromEntries([...this.#byLabel].map(([label, mark]) => [label, structuredClone(mark.after)]));
  }

  #about(to: string, from: string): Mark[] {
    const named = (this.#byTo.get(to) ?? []).filter((mark) => mark.from === undefined || mark.from === from);
    return [...named, ...(this.#byFrom.get(from) ?? []), ...this.#everybody];
  }
}

function violation(mark: Mark, to: string): void {
  mark.after.violations += 1;
  if (mark.after.tos.length < KEEP_TOS) mark.after.tos.push(to);
}

function push(map: Map<string, Mark[]>, key: string, mark: Mark): void {
  const list = map.get(key);
  if (list) list.push(mark);
  else map.set(key, [mark]);
}
