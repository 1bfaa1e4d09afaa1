/** Waits until `check` gives something other than undefined or false; fails after `timeout` milliseconds. */
export async function waitFor<T>(
  check: () => T | Promise<T>,
  { timeout = 45_000, what = 'the condition' }: { timeout?: number; what?: string } = {},
): Promise<Exclude<T, undefined | false>> {
  const deadline = performance.now() + timeout
  for (;;) {
    const found = await check()
    if (found !== undefined && found !== false) return found as Exclude<T, undefined | false>
    if (performance.now() > deadline) throw new Error(`Waited ${timeout} ms for ${what}.`)
    await new Promise((resolve) => setTimeout(resolve, 10))
  }
}
