// Which rules speak about a number: found by the number itself or its last digits, in constant time.

/** Whom a rule is about. An empty match is about everybody; several fields must all hold. */
export interface Match {
  /** The number called, exactly as it was sent. */
  to?: string;
  /** The last digits of the number called. */
  lastDigits?: string;
  /** The caller id. */
  from?: string;
}

/** Rules indexed by whom they are about; `find` costs a few map look-ups, however many rules there are. */
export class Rules<R extends Match> {
  #byTo = new Map<string, R[]>();
  #byDigits = new Map<number, Map<string, R[]>>();
  #others: R[] = [];

  constructor(rules: readonly R[] = []) {
    for (const rule of rules) this.add(rule);
  }

  add(rule: R): void {
    if (rule.to !== undefined) push(this.#byTo, rule.to, rule);
    else if (rule.lastDigits) {
      const length = rule.lastDigits.length;
      const ofLength = this.#byDigits.get(length) ?? new Map<string, R[]>();
      this.#byDigits.set(length, ofLength);
      push(ofLength, rule.lastDigits, rule);
    } else this.#others.push(rule);
  }

  remove(rule: R): void {
    const lists = [
      this.#others,
      ...this.#byTo.values(),
      ...[...this.#byDigits.values()].flatMap((m) => [...m.values()]),
    ];
    for (const list of lists) {
      const at = list.indexOf(rule);
      if (at >= 0) list.splice(at, 1);
    }
  }

  /** The rules about this call: first those that name the number, then those that name its last digits (longest first), then the rest; within each, in the order they were added. */
  find(to: string, from: string): R[] {
    const found = [...(this.#byTo.get(to) ?? [])];
    for (const length of [...this.#byDigits.keys()].sort((a, b) => b - a)) {
      found.push(...(this.#byDigits.get(length)?.get(to.slice(-length)) ?? []));
    }
    found.push(...this.#others);
    return found.filter((rule) => matches(rule, to, from));
  }
}

/** Whether all that the match names holds. */
export function matches(match: Match, to: string, from: string): boolean {
  if (match.to !== undefined && match.to !== to) return false;
  if (match.lastDigits !== undefined && !to.endsWith(match.lastDigits)) return false;
  return match.from === undefined || match.from === from;
}

function push<R>(map: Map<string, R[]>, key: string, rule: R): void {
  const list = map.get(key);
  if (list) list.push(rule);
  else map.set(key, [rule]);
}
