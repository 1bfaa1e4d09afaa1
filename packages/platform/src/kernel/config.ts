import { join, resolve, sep } from 'node:path'
import { fileURLToPath } from 'node:url'
import { z } from 'zod'
import { defineErrors } from './errors.ts'
import { logLevels } from './log.ts'
import { nearestName } from './nearest-name.ts'

export const configErrors = defineErrors({
  invalid_configuration: {
    status: 500,
    message: 'The configuration has mistakes:\n{problems}',
    hint: 'Correct the environment variables named above; `plinth --help` lists them all.',
  },
})

const postgresUrl = z.url({ protocol: /^postgres(ql)?$/, hostname: /./ })

/** Digits only: `Number` would take a blank for 0 and `0x50` for 80. */
const wholeNumber = (least: number, most: number) =>
  z.string().regex(/^\d+$/).transform(Number).pipe(z.number().min(least).max(most))

const variables = z.object({
  PLINTH_PORT: wholeNumber(0, 65_535).default(54_321),
  PLINTH_HOST: z
    .string()
    .regex(/^[\w.:%-]+$/)
    .default('127.0.0.1'),
  PLINTH_TRUSTED_PROXIES: wholeNumber(0, 10).default(0),
  PLINTH_PUBLIC_URL: z.url({ protocol: /^https?$/, hostname: /./ }).optional(),
  PLINTH_DATA_DIR: z.string().regex(/\S/).optional(),
  PLINTH_LOG: z.enum(logLevels).default('warn'),
  DATABASE_URL: postgresUrl.optional(),
  DIRECT_URL: postgresUrl.optional(),
  REDIS_URL: z.url({ protocol: /^rediss?$/, hostname: /./ }).optional(),
})

/** What a variable must be, where zod's own words would not tell. */
const wanted: Readonly<Record<string, string>> = {
  PLINTH_PORT: 'must be a port number from 0 to 65535',
  PLINTH_HOST: 'must be a host name or an IP address',
  PLINTH_TRUSTED_PROXIES: 'must be a number from 0 to 10',
  PLINTH_PUBLIC_URL: 'must be an address like https://plinth.example.com',
  PLINTH_DATA_DIR: 'must be the path of a folder',
  PLINTH_LOG: `must be one of ${logLevels.join(', ')}`,
  DATABASE_URL: 'must be an address like postgres://user:password@host:5432/database',
  DIRECT_URL: 'must be an address like postgres://user:password@host:5432/database',
  REDIS_URL: 'must be an address like redis://host:6379',
}

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
  /**
   * Absolute path of the data folder. Default `./data`; the repository's own `data` wherever inside it somebody stands,
   * so that a command finds its server and a second one is not made by accident.
   */
  readonly dataDir: string
  readonly logLevel: (typeof logLevels)[number]
  /** An administrator's address of an existing cluster (`DATABASE_URL`), or undefined for the embedded one. */
  readonly cluster: DatabaseAddress | undefined
  /** Clusters of single systems (`PLINTH_<SYSTEM>_DATABASE_URL`), by system name. */
  readonly systems: Readonly<Record<string, DatabaseAddress>>
  /** Fan-out between several nodes; undefined on a single node. */
  readonly redisUrl: string | undefined
  /** Variables `PLINTH_<SYSTEM>_…` of each system, for its settings; checked where they are read. */
  readonly settings: Readonly<Record<string, Readonly<Record<string, string>>>>
}

type Environment = Readonly<Record<string, string | undefined>>

/**
 * Reads and checks the configuration; every mistake becomes one line of `invalid_configuration`. With `systemNames`, an
 * address of any other system and an unknown `PLINTH_…` are mistakes too.
 */
export function readConfig(
  environment: Environment = process.env,
  folder = process.cwd(),
  systemNames?: readonly string[],
): Config {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ''))
  const parsed = variables.safeParse(given)
  const systems = readSystemAddresses(given, systemNames)
  const problems = [
    ...new Set([
      ...(parsed.success ? [] : parsed.error.issues.map((issue) => describe(String(issue.path[0]), given))),
      ...(given['DIRECT_URL'] && !given['DATABASE_URL'] ? ['DIRECT_URL: needs DATABASE_URL beside it'] : []),
      ...systems.problems,
      ...unknownVariables(given, systemNames),
    ]),
  ]
  if (problems.length > 0 || !parsed.success) {
    throw configErrors.invalid_configuration({ problems: problems.map((line) => `  ${line}`).join('\n') })
  }
  const found = parsed.data
  return {
    port: found.PLINTH_PORT,
    host: found.PLINTH_HOST,
    publicUrl: found.PLINTH_PUBLIC_URL?.replace(/(?<!\/)\/+$/, ''),
    trustedProxies: found.PLINTH_TRUSTED_PROXIES,
    dataDir: found.PLINTH_DATA_DIR ? resolve(folder, found.PLINTH_DATA_DIR) : join(homeOf(folder), 'data'),
    logLevel: found.PLINTH_LOG,
    cluster: found.DATABASE_URL
      ? { url: found.DATABASE_URL, directUrl: found.DIRECT_URL ?? found.DATABASE_URL }
      : undefined,
    systems: systems.addresses,
    redisUrl: found.REDIS_URL,
    settings: readSystemSettings(given, systemNames ?? []),
  }
}

/** The configuration of a process that hosts these systems. */
export const readConfigFor = (systemNames: readonly string[]): Config =>
  readConfig(process.env, process.cwd(), systemNames)

/** Variables of the environment by their prefix, for settings that keep another program's names (`PGRST_`). */
export const readVariables = (prefix: string): Environment =>
  Object.fromEntries(Object.entries(process.env).filter(([name]) => name.startsWith(prefix)))

const repository = fileURLToPath(new URL('../../../../', import.meta.url))

const homeOf = (folder: string): string => (`${folder}${sep}`.startsWith(repository) ? repository : folder)

const systemVariable = /^PLINTH_([A-Z][A-Z0-9]*)_(DATABASE|DIRECT)_URL$/

function readSystemAddresses(environment: Environment, known: readonly string[] | undefined) {
  const addresses: Record<string, DatabaseAddress> = {}
  const problems: string[] = []
  for (const [name, value] of Object.entries(environment)) {
    const match = systemVariable.exec(name)
    if (!match?.[1] || !value) continue
    const system = match[1].toLowerCase()
    if (known && !known.includes(system))
      problems.push(`${name}: there is no system ${system} (there is ${known.join(', ')})`)
    if (!postgresUrl.safeParse(value).success) {
      problems.push(`${name}: ${wanted['DATABASE_URL']}`)
      continue
    }
    const url = environment[`PLINTH_${match[1]}_DATABASE_URL`]
    if (!url) problems.push(`${name}: needs PLINTH_${match[1]}_DATABASE_URL beside it`)
    else addresses[system] = { url, directUrl: environment[`PLINTH_${match[1]}_DIRECT_URL`] ?? url }
  }
  return { addresses, problems }
}

/** A misspelt name would be ignored in silence, so every `PLINTH_…` that nobody reads is a mistake. */
function unknownVariables(environment: Environment, systemNames: readonly string[] | undefined): string[] {
  const isOfSystem = (name: string) =>
    systemNames
      ? systemNames.some((system) => name.startsWith(settingsPrefix(system)))
      : possibleSetting.test(name)
  const known = Object.keys(variables.shape)
  return Object.keys(environment)
    .filter((name) => name.startsWith('PLINTH_') && !name.startsWith('PLINTH_TEST_'))
    .filter((name) => !known.includes(name) && !systemVariable.test(name))
    .filter((name) => !isOfSystem(name))
    .map((name) => {
      const near = nearestName(name, known)
      return `${name}: is not a setting of Plinth${near ? `; did you mean ${near}?` : ''}`
    })
}

/** Without the systems' names a mistake cannot be told from a setting of a system. */
const possibleSetting = /^PLINTH_[A-Z][A-Z0-9]*_[A-Z]/

const settingsPrefix = (system: string) => `PLINTH_${system.toUpperCase()}_`

function readSystemSettings(environment: Environment, systemNames: readonly string[]) {
  const settings: Record<string, Record<string, string>> = {}
  for (const system of systemNames) {
    const own = Object.entries(environment).filter(
      ([name]) => name.startsWith(settingsPrefix(system)) && !systemVariable.test(name),
    )
    settings[system] = Object.fromEntries(own) as Record<string, string>
  }
  return settings
}

/** Addresses hold passwords, so they are not repeated. */
function describe(name: string, environment: Environment): string {
  const shown = name.endsWith('_URL') ? '' : ` (is ${JSON.stringify(environment[name])})`
  return `${name}: ${wanted[name]}${shown}`
}
