import { quoteName } from '../../database/index.ts'
import { quoteRelation } from '../catalogue/build-catalogue.ts'
import type { Argument } from '../catalogue/model.ts'
import type { PlannedCall } from '../plan/model.ts'
import type { Parameters } from './statement-text.ts'

/**
 * The function's call as it stands after FROM, arguments included. A function that returns `record` has no columns that
 * could be selected from: there its `asValue` is, a subquery whose one column is the record.
 */
export function callText(call: PlannedCall, parameters: Parameters, asValue = false): string {
  const name = quoteRelation(call.function)
  const { input } = call
  const callWith = (values: readonly string[]) => {
    const text = `${name}(${values.join(', ')})`
    return asValue ? `(select ${text})` : text
  }
  if (input.kind === 'single') {
    const { type, baseType } = input.argument
    return callWith([`${parameters.bind({ from: 'body' })}::${wireType(baseType)}::${type}`])
  }
  if (input.kind === 'texts') {
    const values = input.arguments.map(({ argument, slots }) =>
      named(argument, textValue(argument, slots, parameters)),
    )
    return callWith([...values, ...missingVariadic(call)])
  }
  if (input.arguments.length === 0) return callWith(missingVariadic(call))
  const columns = input.arguments.map((argument) => `${quoteName(argument.name)} ${argument.type}`)
  const values = input.arguments.map((argument) => named(argument, `a.${quoteName(argument.name)}`))
  const body = `${parameters.bind({ from: 'body' })}::json`
  const called = callWith([...values, ...missingVariadic(call)])
  return `json_to_record(${body}) as a(${columns.join(', ')}) cross join lateral ${called}`
}

/** The type that a whole body is sent as: its bytes are that type's binary form too. */
const wireType = (baseType: string): string =>
  baseType === 'jsonb' ? 'json' : baseType === 'xml' ? 'text' : baseType

/** Called by names, PostgreSQL finds a variadic function only with its variadic argument: none given is an empty list. */
function missingVariadic({ function: called, input }: PlannedCall): string[] {
  if (input.kind === 'single') return []
  const given = new Set(input.arguments.map((one) => ('argument' in one ? one.argument : one).name))
  return called.arguments
    .filter((argument) => argument.variadic && !given.has(argument.name))
    .map((argument) => named(argument, `'{}'::${argument.type}`))
}

const named = (argument: Argument, value: string): string =>
  `${argument.variadic ? 'variadic ' : ''}${quoteName(argument.name)} => ${value}`

/** A variadic argument may come several times, each time with one element, or once as an array literal. */
function textValue({ variadic, type }: Argument, slots: readonly number[], parameters: Parameters): string {
  const last = parameters.slot(slots.at(-1)!)
  if (!variadic) return `${last}::${type}`
  if (slots.length > 1) return `array[${slots.map((slot) => parameters.slot(slot)).join(', ')}]::${type}`
  return `case when ${last}::text ~ '^\\{.*\\}$' then ${last}::text::${type} else array[${last}::text]::${type} end`
}
