import { resolve } from 'node:path'
import { z } from 'zod'
import { defineErrors } from './errors.ts'
import { logLevels } from './log.ts'

export const configErrors = defineErrors({
  invalid_configuration: {
    status: 500,
    message: 'The configuration has mistakes:\n{problems}',
    hint: 'Correct the environment variables named above; `plinth --help` lists them all.',
  },
})

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, hostname: /./ })

const port = z.coerce.number().int().min(0).max(65_535)

const variables = z.object({
  PLINTH_PORT: port.default(54_321),
  PLINTH_HOST: z.string().min(1).default('127.0.0.1'),
  PLINTH_TRUSTED_PROXIES: z.coerce.number().int().min(0).max(10).default(0),
  PLINTH_PUBLIC_URL: z.url({ protocol: /^https?$/ }).optional(),
  PLINTH_DATA_DIR: z.string().min(1).default('./data'),
  PLINTH_LOG: z.enum(logLevels).default('warn'),
  DATABASE_URL: postgresUrl.optional(),
  DIRECT_URL: postgresUrl.optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/ }).optional(),
})

/** Where one system's database is, when it is not in Plinth's own PostgreSQL. */
export interface DatabaseAddress {
  /** For requests; may pass a transaction pooler. */
  readonly url: string
  /** For LISTEN, replication and session locks; never a pooler. Defaults to `url`. */
  readonly directUrl: string
}

/** Everything the process reads from its environment, validated. This module is the only one that reads it. */
export interface Config {
  /** TCP port of the server, 0 for any free one. Default 54321. */
  readonly port: number
  /** Address to listen on. Default 127.0.0.1. */
  readonly host: string
  /** The address that clients use, without a trailing slash. Default: made of host and port. */
  readonly publicUrl: string | undefined
  /** Reverse proxies in front, 0–10: that many last entries of `X-Forwarded-For` are believed. Default 0. */
  readonly trustedProxies: number
  /** Absolute path of the data folder. Default `./data`. */
  readonly dataDir: string
  readonly logLevel: (typeof logLevels)[number]
  /** An administrator's address of an existing cluster (`DATABASE_URL`), or undefined for the embedded one. */
  readonly cluster: DatabaseAddress | undefined
  /** Clusters of single systems (`PLINTH_<SYSTEM>_DATABASE_URL`), by system name. */
  readonly systems: Readonly<Record<string, DatabaseAddress>>
  /** Fan-out between several nodes; undefined on a single node. */
  readonly redisUrl: string | undefined
}

type Environment = Readonly<Record<string, string | undefined>>

/** Reads and checks the configuration; every mistake becomes one line of `invalid_configuration`. */
export function readConfig(environment: Environment = process.env, folder = process.cwd()): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  const systems = readSystemAddresses(given)
  const problems = [
    ...(parsed.success ? [] : parsed.error.issues.map((issue) => describe(issue, given))),
    ...systems.problems,
    ...unknownVariables(given),
  ]
  if (problems.length > 0 || !parsed.success) {
    throw configErrors.invalid_configuration({ problems: problems.map((line) => `  ${line}`).join('\n') })
  }
  const found = parsed.data
  return {
    port: found.PLINTH_PORT,
    host: found.PLINTH_HOST,
    publicUrl: found.PLINTH_PUBLIC_URL?.replace(/\/+$/, ''),
    trustedProxies: found.PLINTH_TRUSTED_PROXIES,
    dataDir: resolve(folder, found.PLINTH_DATA_DIR),
    logLevel: found.PLINTH_LOG,
    cluster: found.DATABASE_URL
      ? { url: found.DATABASE_URL, directUrl: found.DIRECT_URL ?? found.DATABASE_URL }
      : undefined,
    systems: systems.addresses,
    redisUrl: found.REDIS_URL,
  }
}

const systemVariable = /^PLINTH_([A-Z][A-Z0-9]*)_(DATABASE|DIRECT)_URL$/

function readSystemAddresses(environment: Environment) {
  const addresses: Record<string, DatabaseAddress> = {}
  const problems: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    const match = systemVariable.exec(name)
    if (!match?.[1] || !value) continue
    if (!postgresUrl.safeParse(value).success) {
      problems.push(`${name}: must be an address like postgres://user:password@host:5432/database`)
      continue
    }
    const url = environment[`PLINTH_${match[1]}_DATABASE_URL`]
    if (!url) problems.push(`${name}: needs PLINTH_${match[1]}_DATABASE_URL beside it`)
    else
      addresses[match[1].toLowerCase()] = {
        url,
        directUrl: environment[`PLINTH_${match[1]}_DIRECT_URL`] ?? url,
      }
  }
  return { addresses, problems }
}

/** A misspelt name would be ignored in silence, so every `PLINTH_…` that nobody reads is a mistake. */
function unknownVariables(environment: Environment): string[] {
  return Object.keys(environment)
    .filter((name) => name.startsWith('PLINTH_') && !name.startsWith('PLINTH_TEST_'))
    .filter((name) => !(name in variables.shape) && !systemVariable.test(name))
    .map((name) => `${name}: is not a setting of Plinth`)
}

function describe(issue: z.core.$ZodIssue, environment: Environment): string {
  const name = String(issue.path[0])
  const shown = /URL/.test(name) ? '' : ` (is ${JSON.stringify(environment[name])})`
  const wanted =
    name.endsWith('DATABASE_URL') || name === 'DIRECT_URL'
      ? 'must be an address like postgres://user:password@host:5432/database'
      : name === 'PLINTH_PORT'
        ? 'must be a port number from 0 to 65535'
        : issue.message
  return `${name}: ${wanted}${shown}`
}
