import type { z } from 'zod'
import { type Json, messageOf, nearestName } from '../kernel/index.ts'
import { dotted, fieldsOf, type SettingField, variableOf } from './describe-schema.ts'
import { settingErrors } from './errors.ts'
import { openSetting, readSettingsFile, type SettingsFile } from './settings-file.ts'

/** A group of settings under one name: a capability's, a system's own (name `''`) or the project's (name `''`). */
export interface SettingsGroup {
  /** First part of its settings' names: `auth` of `auth.signUps`. Empty for settings without a prefix. */
  readonly name: string
  readonly schema: z.ZodObject
  /** What the system's declaration sets, over the schema's own defaults. */
  readonly defaults?: object
}

export interface SettingsSources {
  readonly system: string
  readonly dataDir: string
  /** Variables `PLINTH_<SYSTEM>_…` of the environment, by name. */
  readonly environment: Readonly<Record<string, string>>
  /** Opens secrets in the file; 32 bytes. */
  readonly key: Buffer
  readonly groups: readonly SettingsGroup[]
}

/** One setting as it stands. */
export interface ReadSetting {
  /** `auth.signUps`. */
  readonly name: string
  readonly variable: string
  readonly description: string
  readonly secret: boolean
  readonly source: 'environment' | 'file' | 'system' | 'default'
  /** Undefined when it is not set; a secret's is the secret. */
  readonly value: unknown
}

export interface Settings {
  /** The settings of a group, complete and checked. */
  of(group: string): Readonly<Record<string, unknown>>
  readonly all: readonly ReadSetting[]
}

interface Named extends SettingField {
  readonly group: SettingsGroup
  readonly name: string
  readonly variable: string
}

/** Every setting that the groups declare. */
function namesOf(system: string, groups: readonly SettingsGroup[]): Named[] {
  return groups.flatMap((group) =>
    fieldsOf(group.schema).map((field) => {
      const path = group.name === '' ? field.path : [group.name, ...field.path]
      return { ...field, group, name: dotted(path), variable: variableOf(system, path) }
    }),
  )
}

/**
 * Reads a project's settings: the environment wins over the file in the data folder, which wins over what the system
 * declares, which wins over the defaults. Every mistake, unknown names included, is a line of `invalid_settings`.
 */
export async function readSettings(sources: SettingsSources): Promise<Settings> {
  const { system, groups, environment } = sources
  const file = await readSettingsFile(sources.dataDir, system)
  const names = namesOf(system, groups)
  const problems = [...unknownVariables(names, environment), ...unknownEntries(names, file)]
  const given = new Map<Named, Given>()
  for (const field of names) {
    const found = readGiven(field, sources, file)
    if (typeof found === 'string') problems.push(found)
    else if (found) given.set(field, found)
  }
  const values = new Map(groups.map((group) => [group, complete(group, given, problems)]))
  if (problems.length > 0) {
    const lines = [...new Set(problems)].map((line) => `  ${line}`).join('\n')
    throw settingErrors.invalid_settings({ system, problems: lines })
  }
  return {
    of: (name) =>
      Object.assign({}, ...groups.filter((group) => group.name === name).map((g) => values.get(g))),
    all: names.map((field) => describe(field, given.get(field), values.get(field.group) ?? {})),
  }
}

interface Given {
  readonly source: 'environment' | 'file'
  readonly value: unknown
}

/** The value that the environment or the file gives; a text says what is wrong with it. */
function readGiven(
  field: Named,
  { environment, key }: SettingsSources,
  file: SettingsFile,
): Given | string | undefined {
  const text = environment[field.variable]
  if (text !== undefined) return check(field, field.variable, readText(field.schema, text), 'environment')
  const entry = file.values.get(field.name)
  if (entry === undefined) return undefined
  const where = `${file.path}: ${field.name}`
  if (!field.secret) return check(field, where, entry, 'file')
  try {
    const opened = openSetting(key, field.name, entry)
    if (opened === undefined) return `${where}: is a secret and must be sealed: plinth settings set`
    return check(field, where, readText(field.schema, opened), 'file')
  } catch (error) {
    return `${where}: ${messageOf(error)}`
  }
}

function check(field: Named, where: string, value: unknown, source: Given['source']): Given | string {
  const parsed = field.schema.safeParse(value)
  if (parsed.success) return { source, value }
  return `${where}: ${parsed.error.issues[0]?.message ?? 'is not valid'}`
}

/** A text as the schema wants it: as it is, as JSON (numbers, true, false, lists), or as a list with commas. */
function readText(schema: z.ZodType, text: string): unknown {
  const readings: unknown[] = [text]
  try {
    readings.push(JSON.parse(text))
  } catch {
    // Not JSON: one of the other readings.
  }
  readings.push(text.split(',').map((part) => part.trim()))
  return readings.find((reading) => schema.safeParse(reading).success) ?? text
}

/** The group's values: defaults, under what the system declares, under what was given. */
function complete(
  group: SettingsGroup,
  given: ReadonlyMap<Named, Given>,
  problems: string[],
): Readonly<Record<string, unknown>> {
  const merged = structuredClone(group.defaults ?? {}) as Record<string, unknown>
  for (const [field, { value }] of given) if (field.group === group) setPath(merged, field.path, value)
  const parsed = group.schema.safeParse(merged)
  if (parsed.success) return parsed.data
  for (const { path, message } of parsed.error.issues) {
    const name = [group.name, ...path.map(String)].filter(Boolean).join('.')
    problems.push(`${name}: ${message}`)
  }
  return {}
}

function setPath(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [name = '', ...rest] = path
  if (rest.length === 0) {
    target[name] = value
    return
  }
  const inner = target[name]
  const next = typeof inner === 'object' && inner !== null ? { ...inner } : {}
  target[name] = next
  setPath(next as Record<string, unknown>, rest, value)
}

function describe(
  field: Named,
  given: Given | undefined,
  values: Readonly<Record<string, unknown>>,
): ReadSetting {
  const { name, variable, description, secret } = field
  const value = valueAt(values, field.path)
  const declared = valueAt(field.group.defaults, field.path)
  const source = given?.source ?? (declared === undefined ? 'default' : 'system')
  return { name, variable, description, secret, source, value }
}

const valueAt = (values: object | undefined, path: readonly string[]): unknown =>
  path.reduce<unknown>((part, name) => (part as Record<string, unknown> | undefined)?.[name], values)

function unknownVariables(names: readonly Named[], environment: Readonly<Record<string, string>>): string[] {
  const known = names.map(({ variable }) => variable)
  return Object.keys(environment)
    .filter((variable) => !known.includes(variable))
    .map((variable) => `${variable}: is not a setting.${suggest(variable, known)}`)
}

function unknownEntries(names: readonly Named[], file: SettingsFile): string[] {
  const known = names.map(({ name }) => name)
  return [...file.values.keys()]
    .filter((name) => !known.includes(name))
    .map((name) => `${file.path}: ${name}: is not a setting.${suggest(name, known)}`)
}

function suggest(name: string, known: readonly string[]): string {
  const near = nearestName(name, known)
  return near ? ` Did you mean ${near}?` : ''
}

/** What a person may set: fails with `unknown_setting`. */
export function findField(system: string, groups: readonly SettingsGroup[], name: string): SettingField {
  const names = namesOf(system, groups)
  const found = names.find((field) => field.name === name)
  if (found) return found
  const nearest = suggest(
    name,
    names.map((field) => field.name),
  )
  throw settingErrors.unknown_setting({ name, system, nearest })
}

/** What is set, for the file: checked against its schema. Fails with `invalid_settings`. */
export function checkValue(system: string, name: string, field: SettingField, text: string): Json {
  const value = readText(field.schema, text)
  const parsed = field.schema.safeParse(value)
  if (parsed.success) return value as Json
  const problem = parsed.error.issues[0]?.message ?? 'is not valid'
  throw settingErrors.invalid_settings({ system, problems: `  ${name}: ${problem}` })
}
