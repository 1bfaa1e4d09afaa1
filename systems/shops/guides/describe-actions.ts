import type { AnyFunction } from '@plinth/platform/routes'
import { z } from 'zod'

interface JsonSchema {
  readonly type?: string | readonly string[]
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly format?: string
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly required?: readonly string[]
  readonly default?: unknown
  readonly additionalProperties?: JsonSchema | boolean
}

/** A function's actions as tables: what each takes and answers, from its own schemas. */
export function describeFunction(declared: AnyFunction): string {
  if (!('input' in declared)) return ''
  const { name, summary, access, input, output } = declared
  const inputs = z.toJSONSchema(input, { unrepresentable: 'any', io: 'input' }) as JsonSchema & {
    oneOf?: readonly JsonSchema[]
  }
  const actions = inputs.oneOf ?? inputs.anyOf ?? []
  const outputs = (z.toJSONSchema(output, { unrepresentable: 'any' }) as JsonSchema).anyOf ?? []
  const sections = actions.map((action, place) => describeAction(action, outputs[place] ?? {}))
  return [
    `### \`${name}\``,
    `${summary} \`POST /functions/v1/${name}\`, for: ${typeof access === 'string' ? access : JSON.stringify(access)}.`,
    ...sections,
  ].join('\n\n')
}

function describeAction({ properties = {}, required = [] }: JsonSchema, output: JsonSchema): string {
  const rows = Object.entries(properties)
    .filter(([name]) => name !== 'action')
    .map(([name, schema]) => `| \`${name}\` | ${typeOf(schema)} | ${need(name, schema, required)} |`)
  const table =
    rows.length === 0 ? 'Takes nothing else.' : ['| member | type | |', '|---|---|---|', ...rows].join('\n')
  return `#### \`{ "action": "${String(properties['action']?.const)}" }\`\n\n${table}\n\nAnswers \`data\`: ${typeOf(output)}.`
}

const need = (name: string, schema: JsonSchema, required: readonly string[]): string =>
  schema.default !== undefined
    ? `default \`${JSON.stringify(schema.default)}\``
    : required.includes(name)
      ? 'required'
      : ''

function typeOf(schema: JsonSchema): string {
  if (schema.const !== undefined) return `\`${JSON.stringify(schema.const)}\``
  if (schema.enum) return schema.enum.map((one) => `\`${JSON.stringify(one)}\``).join(' or ')
  if (schema.anyOf) return schema.anyOf.map(typeOf).join(' or ')
  if (schema.type === 'array') return `list of ${typeOf(schema.items ?? {})}`
  if (schema.properties) return `\`{ ${Object.keys(schema.properties).join(', ')} }\``
  if (schema.format) return schema.format
  return typeof schema.type === 'string' ? schema.type : 'anything'
}
