/** What Ctrl-C, a service manager and a closed terminal send, with their numbers. */
const signals = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const
const names = Object.keys(signals) as (keyof typeof signals)[]

/**
 * Lets signals end the process by an exit of its own, with the code that shells give to such an end: PostgreSQL is taken
 * along at an exit, and left behind by a signal.
 */
export function exitOnSignals(): void {
  for (const name of names) process.on(name, exit)
}

const exit = (signal: NodeJS.Signals) => process.exit(128 + signals[signal as keyof typeof signals])

/** Waits for a signal. A second one ends the process at once. */
export function untilAskedToStop(): Promise<void> {
  return new Promise((resolve) => {
    const hear = () => {
      for (const name of names) process.off(name, hear)
      exitOnSignals()
      resolve()
    }
    for (const name of names) {
      process.off(name, exit)
      process.on(name, hear)
    }
  })
}
