import { z } from 'zod'
import type { RouteContext } from './route-context.ts'

/** One action of a function that is called with `{ "action": "<name>", … }`: what it takes, what it answers, what it does. */
export interface Action<
  Input extends z.ZodObject = z.ZodObject,
  Output extends z.ZodType = z.ZodType,
  Context extends RouteContext = RouteContext,
> {
  /** Its members beside `action`. */
  readonly input: Input
  readonly output: Output
  handle(context: Context, input: z.output<Input>): Promise<z.input<Output>>
}

/** Declares an action: its handler's answer is checked against its own output. */
export const defineAction = <
  Input extends z.ZodObject,
  Output extends z.ZodType,
  Context extends RouteContext = RouteContext,
>(
  action: Action<Input, Output, Context>,
): Action<Input, Output, Context> => action

// biome-ignore lint/suspicious/noExplicitAny: a table holds actions of different inputs, and handlers are contravariant in theirs.
type AnyAction = Action<any, z.ZodType, any>

type ContextOf<Actions> = {
  [Name in keyof Actions]: Actions[Name] extends Action<infer _Input, infer _Output, infer Context>
    ? Context
    : never
}[keyof Actions]

/**
 * What a function with several actions is declared with: `defineFunction({ name, summary, access, ...defineActions({ … }) })`.
 * The answer of an action is parsed by that action's output and no other's.
 */
export function defineActions<Actions extends Readonly<Record<string, AnyAction>>>(actions: Actions) {
  const inputs = Object.entries(actions).map(([name, { input }]) =>
    (input as z.ZodObject).extend({ action: z.literal(name) }),
  )
  const outputs = Object.values(actions).map(({ output }) =>
    z.toJSONSchema(output, { unrepresentable: 'any' }),
  )
  return {
    input: z.discriminatedUnion('action', inputs as unknown as [z.ZodObject, ...z.ZodObject[]]),
    output: z.unknown().meta({ anyOf: outputs }),
    handle: async (
      context: ContextOf<Actions>,
      given: Readonly<Record<string, unknown>>,
    ): Promise<unknown> => {
      const { action: name, ...input } = given
      const action = actions[name as keyof Actions] as AnyAction
      return action.output.parse(await action.handle(context, input))
    },
  }
}
