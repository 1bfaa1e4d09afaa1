export const logLevels = ['debug', 'info', 'warn', 'error'] as const
export type LogLevel = (typeof logLevels)[number]

/** One thing that was logged. */
export interface LogEntry {
  readonly level: LogLevel
  readonly message: string
  /** ISO 8601. */
  readonly at: string
  readonly facts: Readonly<Record<string, unknown>>
}

export interface Logger {
  debug(message: string, facts?: Readonly<Record<string, unknown>>): void
  info(message: string, facts?: Readonly<Record<string, unknown>>): void
  warn(message: string, facts?: Readonly<Record<string, unknown>>): void
  error(message: string, facts?: Readonly<Record<string, unknown>>): void
  /** The same with facts that every entry has. */
  child(facts: Readonly<Record<string, unknown>>): Logger
  /** Runs the work and logs how many milliseconds it took, and whether it failed. */
  time<T>(name: string, work: () => Promise<T>): Promise<T>
}

export interface LoggerOptions {
  /** Less than this is not logged. Default `info`. */
  readonly level?: LogLevel
  /** Where entries go. */
  readonly sinks: readonly ((entry: LogEntry) => void)[]
  readonly facts?: Readonly<Record<string, unknown>>
  /** Milliseconds since 1970. */
  readonly now?: () => number
}

/** Facts of these names are never logged, at whatever depth. */
const secret = /pass(word|code)?|token|secret|api_?key|authorization|cookie|csrf/i
const hidden = '(hidden)'
const deepest = 5

/** Structured entries of several levels, without the secrets among their facts. */
export function createLogger({
  level = 'info',
  sinks,
  facts: common = {},
  now = Date.now,
}: LoggerOptions): Logger {
  const lowest = logLevels.indexOf(level)

  function log(of: LogLevel, message: string, facts: Readonly<Record<string, unknown>> = {}): void {
    if (logLevels.indexOf(of) < lowest) return
    const shown = hideSecrets({ ...common, ...facts }) as Readonly<Record<string, unknown>>
    const entry = { level: of, message, at: new Date(now()).toISOString(), facts: shown }
    for (const sink of sinks) {
      try {
        sink(entry)
      } catch {
        // A log that cannot be written stops nobody's work.
      }
    }
  }

  const logger: Logger = {
    debug: (message, facts) => log('debug', message, facts),
    info: (message, facts) => log('info', message, facts),
    warn: (message, facts) => log('warn', message, facts),
    error: (message, facts) => log('error', message, facts),
    child: (facts) => createLogger({ level, sinks, now, facts: { ...common, ...facts } }),
    time: async (name, work) => {
      const start = now()
      try {
        const result = await work()
        log('info', name, { milliseconds: now() - start })
        return result
      } catch (error) {
        log('error', name, { milliseconds: now() - start, error })
        throw error
      }
    },
  }
  return logger
}

/** Writes entries to the browser's or Node's console. */
export const consoleSink =
  (console: Readonly<Record<LogLevel, (...values: unknown[]) => void>>) =>
  ({ level, at, message, facts }: LogEntry): void =>
    console[level](`${at} ${message}`, facts)

function hideSecrets(value: unknown, depth = 0): unknown {
  if (value instanceof Error) return { name: value.name, message: value.message }
  if (typeof value !== 'object' || value === null) return value
  if (depth >= deepest) return '…'
  if (Array.isArray(value)) return value.map((each) => hideSecrets(each, depth + 1))
  return Object.fromEntries(
    Object.entries(value).map(([name, each]) => [
      name,
      secret.test(name) ? hidden : hideSecrets(each, depth + 1),
    ]),
  )
}
