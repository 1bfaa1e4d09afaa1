import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { defineErrors } from '../../kernel/index.ts'
import { transactionEnds } from '../run-request.ts'
import { readJwks } from './read-jwks.ts'

export const standaloneErrors = defineErrors({
  invalid_rest_settings: {
    status: 500,
    message: 'The settings have mistakes:\n{problems}',
    hint: 'Settings are given as flags (--db-schemas api) or as variables (PGRST_DB_SCHEMAS=api).',
  },
  unreachable_database: {
    status: 500,
    message: 'The database that db-uri names cannot be reached: {problem}',
    hint: 'Correct db-uri, or start that database.',
  },
  unfit_database: {
    status: 500,
    message: 'The database does not have what the settings name:\n{problems}',
    hint: 'Correct the settings, or make in the database what they name.',
  },
})

const list = z.string().transform((text) =>
  text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
)
const names = list.refine((found) => found.length > 0, 'must name at least one')
const flag = z.enum(['true', 'false']).transform((text) => text === 'true')
const whole = (least: number, most: number) =>
  z
    .string()
    .refine((text) => /^\d{1,9}$/.test(text) && Number(text) >= least && Number(text) <= most, {
      error: `must be a whole number from ${least} to ${most}`,
    })
    .transform(Number)
const count = whole(1, 999_999_999)
const functionName = z.string().regex(/^[^.]+(\.[^.]+)?$/, 'must be a function, with its schema')

/** PostgREST's names for all addresses of the machine. */
const everywhere: Readonly<Record<string, string>> = {
  '*': '::',
  '*6': '::',
  '!6': '::',
  '*4': '0.0.0.0',
  '!4': '0.0.0.0',
}

const readable = (value: string): boolean => !value.startsWith('@')
const unreadable = { error: 'names a file that cannot be read', abort: true }

const jwtSecret = z
  .string()
  .refine(readable, unreadable)
  .min(32, { error: 'must have at least 32 characters', abort: true })
  .refine(isKey, 'begins like a JWK and is neither one nor a set of them')

/** PostgREST's settings under PostgREST's names, as far as they exist here. */
const settings = z.object({
  'db-uri': z
    .string()
    .refine(readable, unreadable)
    .pipe(
      z.url({
        protocol: /^postgres(ql)?$/,
        error: 'must be an address like postgres://user:password@host/db',
      }),
    ),
  'db-schemas': names.default(['public']),
  'db-extra-search-path': list.default(['public']),
  'db-anon-role': z.string().min(1).optional(),
  'db-pre-request': functionName.optional(),
  'db-config': flag.default(true),
  'db-pre-config': functionName.optional(),
  'db-tx-end': z.enum(transactionEnds).default('commit'),
  'db-max-rows': count.optional(),
  'db-pool': whole(1, 1000).default(10),
  'db-aggregates-enabled': flag.default(false),
  'db-prepared-statements': flag.default(true),
  'db-plan-enabled': flag.default(false),
  'db-channel': z.string().min(1).default('pgrst'),
  'db-channel-enabled': flag.default(true),
  'jwt-secret': jwtSecret.optional(),
  'jwt-secret-is-base64': flag.default(false),
  'jwt-aud': z.string().min(1).optional(),
  'jwt-role-claim-key': z
    .string()
    .regex(/^(\.("[^"]+"|[\w$@-]+))+$/, 'must be a path like .app_metadata.role')
    .default('.role'),
  'server-host': z
    .string()
    .min(1)
    .transform((host) => everywhere[host] ?? host)
    .default('127.0.0.1'),
  'server-port': whole(0, 65_535).default(3000),
  'server-trace-header': z
    .string()
    .regex(/^[\w-]+$/, 'must be the name of a header')
    .optional(),
  'openapi-mode': z.enum(['follow-privileges', 'ignore-privileges', 'disabled']).default('follow-privileges'),
  /** By their full names: `app.settings.tenant`. */
  'app-settings': z.record(z.string(), z.string()).default({}),
})

/** Settings of the process itself, which the database cannot change. */
const ofProcess = new Set([
  'db-uri',
  'db-pool',
  'db-channel',
  'db-channel-enabled',
  'db-config',
  'db-tx-end',
  'server-host',
  'server-port',
  'app-settings',
])

/** Settings that `set pgrst.…` in the database may change, under PostgREST's names. */
export const databaseSettingNames: readonly string[] = Object.keys(settings.shape).filter(
  (name) => !ofProcess.has(name),
)

const isBase64 = (secret: string | undefined): boolean => secret === undefined || /^[\w+/-]+=*$/.test(secret)

function isKey(secret: string): boolean {
  try {
    readJwks(secret)
    return true
  } catch {
    return false
  }
}

/** Settings whose value may be in a file, named behind an `@`, so that no secret stands in a list of processes. */
const fromFiles = new Set(['db-uri', 'jwt-secret'])

/** The settings of `plinth serve-rest`. */
export type RestSettings = Readonly<z.infer<typeof settings>>

/** Short names that the command takes besides PostgREST's. */
export const settingAliases: Readonly<Record<string, string>> = {
  'database-url': 'db-uri',
  schemas: 'db-schemas',
  'extra-search-path': 'db-extra-search-path',
  'anon-role': 'db-anon-role',
  'pre-request': 'db-pre-request',
  'tx-end': 'db-tx-end',
  'max-rows': 'db-max-rows',
  host: 'server-host',
  port: 'server-port',
}

/** PostgREST's older and shorter names. */
const formerNames: Readonly<Record<string, string>> = {
  'db-schema': 'db-schemas',
  'max-rows': 'db-max-rows',
  'pre-request': 'db-pre-request',
}

const fullNames = new Map([...Object.entries(settingAliases), ...Object.entries(formerNames)])

/** `PGRST_APP_SETTINGS_THE_TENANT` is `app.settings.the_tenant`. */
const appPrefix = 'app-settings-'
const appSettingName = (name: string): string =>
  `app.settings.${name.slice(appPrefix.length).replaceAll('-', '_')}`

/** Names of all settings that a flag may give, for a command's help. */
export const settingNames: readonly string[] = Object.keys(settings.shape).filter(
  (name) => name !== 'app-settings',
)

/**
 * Reads settings from flags (names without dashes in front) and from `PGRST_…` variables; a flag wins. Every mistake
 * is one line of `invalid_rest_settings`. PostgREST's settings that do not exist here are a mistake too: left out in
 * silence they would change what is allowed.
 */
export function readRestSettings(
  flags: Readonly<Record<string, string | undefined>>,
  environment: Readonly<Record<string, string | undefined>>,
): RestSettings {
  const appSettings: Record<string, string> = {}
  const given: Record<string, string | typeof appSettings> = { 'app-settings': appSettings }
  const problems: string[] = []
  const take = (name: string, value: string | undefined, shown: string) => {
    const full = fullNames.get(name) ?? name
    if (value === undefined || (value === '' && full !== 'db-extra-search-path')) return
    if (name.startsWith(appPrefix)) appSettings[appSettingName(name)] = value
    else if (settingNames.includes(full)) given[full] = fromFiles.has(full) ? readNamed(value) : value
    else problems.push(`${shown}: is not a setting of plinth serve-rest`)
  }
  for (const [variable, value] of Object.entries(environment)) {
    if (variable.startsWith('PGRST_'))
      take(variable.slice(6).toLowerCase().replaceAll('_', '-'), value, variable)
  }
  for (const [name, value] of Object.entries(flags)) take(name, value, `--${name}`)
  const parsed = settings.safeParse(given)
  if (!parsed.success) problems.push(...parsed.error.issues.map(describe))
  else if (parsed.data['jwt-secret-is-base64'] && !isBase64(parsed.data['jwt-secret']))
    problems.push('jwt-secret: is not base64, though jwt-secret-is-base64 says so')
  if (problems.length > 0 || !parsed.success) throw refusal(problems)
  return parsed.data
}

/** The settings with those that the database gives, by name, in their place. Fails with `invalid_rest_settings`. */
export function withDatabaseSettings(
  current: RestSettings,
  given: Readonly<Record<string, string>>,
): RestSettings {
  const names = databaseSettingNames.filter((name) => Object.hasOwn(given, name))
  const known = settings.pick(Object.fromEntries(names.map((name) => [name, true])) as Record<never, true>)
  const parsed = known.safeParse(given)
  const unknown = Object.keys(given).filter((name) => !databaseSettingNames.includes(name))
  const problems = [
    ...unknown.map((name) => `pgrst.${name.replaceAll('-', '_')}: cannot be set in the database`),
    ...(parsed.success ? [] : parsed.error.issues.map(describe)),
  ]
  if (problems.length > 0 || !parsed.success) throw refusal(problems)
  return { ...current, ...parsed.data }
}

const refusal = (problems: readonly string[]): Error =>
  standaloneErrors.invalid_rest_settings({ problems: problems.map((line) => `  ${line}`).join('\n') })

/** What cannot be read stays as it was written, and is then refused as the setting's value. */
function readNamed(value: string): string {
  if (!value.startsWith('@')) return value
  try {
    return readFileSync(value.slice(1), 'utf8').trim()
  } catch {
    return value
  }
}

function describe(issue: z.core.$ZodIssue): string {
  const name = String(issue.path[0])
  const missing = issue.code === 'invalid_type' && issue.message.includes('undefined')
  return `${name}: ${missing ? 'is missing' : issue.message}`
}
