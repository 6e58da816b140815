// Patience with an end.

/** @returns whether `work` was done within `ms`; it goes on if not */
export async function within(ms: number, work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const tooLate = new Promise<false>((resolve) => (timer = setTimeout(() => resolve(false), ms)));
  const done = work.then(() => true as const);
  return await Promise.race([done, tooLate]).finally(() => clearTimeout(timer));
}
