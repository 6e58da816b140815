// Percentiles and means. Pure.

/** The value that a share `p` (0..1) of the values does not exceed: nearest rank. NaN of nothing. */
export function percentile(values: readonly number[], p: number): number {
  if (values.length === 0) return Number.NaN;
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.max(0, Math.ceil(p * sorted.length) - 1))]!;
}

export const mean = (values: readonly number[]): number => values.reduce((sum, one) => sum + one, 0) / values.length;

/** For figures: three digits after the point are more than any measurement here is worth. */
export const rounded = (value: number, digits = 3): number => Number(value.toFixed(digits));
