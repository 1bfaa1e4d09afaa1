import { z } from 'zod'

/** One setting of a schema: a leaf of its tree of objects. */
export interface SettingField {
  /** Where it is in the schema: `['limits', 'signInsPerAddress', 'attempts']`. */
  readonly path: readonly string[]
  readonly schema: z.ZodType
  /** True for what is sealed at rest and never printed: see {@link secret}. */
  readonly secret: boolean
  /** One sentence for a person, from `.describe()`. */
  readonly description: string
}

/** Marks a setting that is sealed at rest and never printed. */
export function secret<Schema extends z.ZodType>(schema: Schema): Schema {
  return schema.meta({ ...schema.meta(), secret: true })
}

/** The settings of a schema, nested objects opened. */
export function fieldsOf(schema: z.ZodType, path: readonly string[] = []): SettingField[] {
  const bare = unwrap(schema)
  if (bare instanceof z.ZodObject) {
    return Object.entries<z.ZodType>(bare.shape).flatMap(([name, field]) => fieldsOf(field, [...path, name]))
  }
  return [{ path, schema, secret: readMeta(schema, 'secret') === true, description: describe(schema) }]
}

/** The schema below defaults and optionality. */
function unwrap(schema: z.ZodType): z.ZodType {
  const { innerType } = schema.def as { innerType?: z.ZodType }
  return innerType && wrappers.has(schema.def.type) ? unwrap(innerType) : schema
}

const wrappers = new Set(['default', 'prefault', 'optional', 'nullable', 'readonly'])

function readMeta(schema: z.ZodType, name: string): unknown {
  const found = schema.meta()?.[name]
  const { innerType } = schema.def as { innerType?: z.ZodType }
  return found ?? (innerType && wrappers.has(schema.def.type) ? readMeta(innerType, name) : undefined)
}

function describe(schema: z.ZodType): string {
  const description = readMeta(schema, 'description')
  return typeof description === 'string' ? description : ''
}

/** `['auth', 'signUps']` as `auth.signUps`. */
export const dotted = (path: readonly string[]): string => path.join('.')

/** `['auth', 'signUps']` of shops as `PLINTH_SHOPS_AUTH_SIGN_UPS`. */
export const variableOf = (system: string, path: readonly string[]): string =>
  ['PLINTH', system.toUpperCase(), ...path.map(inCapitals)].join('_')

const inCapitals = (name: string): string =>
  name
    .replaceAll('-', '_')
    .replaceAll(/([a-z0-9])([A-Z])/g, '$1_$2')
    .toUpperCase()
