import { type DestinationStream, type Logger, pino } from 'pino'
import { boundLogFields } from './bound-log-fields.ts'

/** Structured log: `log.info({ ms }, 'migrated')`. Never log bodies, tokens or passwords. */
export type Log = Logger

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

const secretPaths = [
  'password',
  'authorization',
  'apikey',
  'token',
  'secret',
  '*.password',
  '*.token',
  '*.secret',
]

/** A log of JSON lines on standard error, so that standard output stays free for what a command prints. Lines are bounded. */
export function createLog(level: LogLevel, to: DestinationStream = standardError()): Log {
  return pino(
    {
      level,
      base: null,
      redact: secretPaths,
      formatters: { log: boundLogFields },
      serializers: { err: (error: unknown) => error },
    },
    to,
  )
}

const standardError = () => pino.destination({ fd: 2, sync: false })

/** A log that drops everything, for tests. */
export const silentLog: Log = pino({ level: 'silent' })
