import { quoteName } from '../../database/index.ts'
import { quoteRelation } from '../catalogue/build-catalogue.ts'
import type { Argument } from '../catalogue/model.ts'
import type { PlannedCall } from '../plan/model.ts'
import type { Parameters } from './statement-text.ts'

/** The function's call as it stands after FROM, arguments included. */
export function callText(call: PlannedCall, parameters: Parameters): string {
  const name = quoteRelation(call.function)
  const { input } = call
  const list = (values: readonly string[]) => [...values, ...missingVariadic(call)].join(', ')
  if (input.kind === 'single') {
    const { type, baseType } = input.argument
    return `${name}(${parameters.bind({ from: 'body' })}::${wireType(baseType)}::${type})`
  }
  if (input.kind === 'texts') {
    const values = input.arguments.map(({ argument, slots }) =>
      named(argument, textValue(argument, slots, parameters)),
    )
    return `${name}(${list(values)})`
  }
  if (input.arguments.length === 0) return `${name}(${list([])})`
  const columns = input.arguments.map((argument) => `${quoteName(argument.name)} ${argument.type}`)
  const values = input.arguments.map((argument) => named(argument, `a.${quoteName(argument.name)}`))
  const body = `${parameters.bind({ from: 'body' })}::json`
  return `json_to_record(${body}) as a(${columns.join(', ')}) cross join lateral ${name}(${list(values)})`
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

/** A variadic argument may come several times, each with one element. */
function textValue(argument: Argument, slots: readonly number[], parameters: Parameters): string {
  if (argument.variadic && slots.length > 1) {
    return `array[${slots.map((slot) => parameters.slot(slot)).join(', ')}]::${argument.type}`
  }
  return `${parameters.slot(slots.at(-1)!)}::${argument.type}`
}
