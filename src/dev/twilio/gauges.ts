// Figures over time: how many are live now and at most, and how many started in any one second.

/** A number that goes up and down and remembers its highest. */
export class Gauge {
  now = 0;
  max = 0;

  up(): void {
    this.now += 1;
    if (this.now > this.max) this.max = this.now;
  }

  down(): void {
    this.now -= 1;
  }

  /** Forgets the highest, not what is live. */
  reset(): void {
    this.max = this.now;
  }
}

/** A gauge per caller id, with the highest of each second for the last hour. */
export class GaugePerFrom {
  #gauges = new Map<string, Gauge>();
  #seconds = new Map<string, Map<number, number>>();

  up(from: string, nowMs: number): void {
    const gauge = this.#gauges.get(from) ?? new Gauge();
    this.#gauges.set(from, gauge);
    gauge.up();
    this.#note(from, gauge.now, nowMs);
  }

  down(from: string, nowMs: number): void {
    const gauge = this.#gauges.get(from);
    if (!gauge) return;
    this.#note(from, gauge.now, nowMs);
    gauge.down();
  }

  now(): Record<string, number> {
    return this.#figures((gauge) => gauge.now);
  }

  max(): Record<string, number> {
    return this.#figures((gauge) => gauge.max);
  }

  /** `[second since the epoch, most live calls at once in it]`, for the seconds in which something changed. */
  timeline(from: string): [second: number, live: number][] {
    return [...(this.#seconds.get(from) ?? [])];
  }

  reset(): void {
    for (const gauge of this.#gauges.values()) gauge.reset();
    this.#seconds.clear();
  }

  #figures(of: (gauge: Gauge) => number): Record<string, number> {
    const figures: Record<string, number> = {};
    for (const [from, gauge] of this.#gauges) if (of(gauge) > 0) figures[from] = of(gauge);
    return figures;
  }

  #note(from: string, live: number, nowMs: number): void {
    const second = Math.floor(nowMs / 1000);
    const seconds = this.#seconds.get(from) ?? new Map<number, number>();
    this.#seconds.set(from, seconds);
    seconds.set(second, Math.max(live, seconds.get(second) ?? 0));
    const oldest = seconds.keys().next().value;
    if (oldest !== undefined && oldest < second - 3600) seconds.delete(oldest);
  }
}

/** The most starts within any window of one second, wherever it begins. */
export class StartsPerSecond {
  max = 0;
  #times: number[] = [];
  #first = 0;

  /** `nowMs` on a clock that never goes back. */
  start(nowMs: number): void {
    this.#times.push(nowMs);
    while ((this.#times[this.#first] ?? nowMs) <= nowMs - 1000) this.#first += 1;
    this.max = Math.max(this.max, this.#times.length - this.#first);
    if (this.#first > 4096) {
      this.#times = this.#times.slice(this.#first);
      this.#first = 0;
    }
  }

  reset(): void {
    this.max = 0;
    this.#times = [];
    this.#first = 0;
  }
}
