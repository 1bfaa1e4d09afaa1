import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { defineAction, defineActions } from './define-actions.ts'
import { defineFunction } from './define-route.ts'
import type { RouteContext } from './route-context.ts'

const context = { userId: 'ada' } as RouteContext

const add = defineAction({
  input: z.object({ left: z.number(), right: z.number().default(1) }),
  output: z.object({ sum: z.number() }),
  handle: async (_context, { left, right }) => ({ sum: left + right }),
})
const name = defineAction({
  input: z.object({}),
  output: z.object({ sum: z.number().optional(), name: z.string() }),
  handle: async ({ userId }) => ({ name: userId ?? 'nobody' }),
})
const wrong = defineAction({
  input: z.object({}),
  output: z.object({ name: z.string() }),
  // @ts-expect-error An action cannot answer what another one answers.
  handle: async () => ({ sum: 3 }),
})

const calculate = defineFunction({
  name: 'calculate',
  summary: 'Adds, and tells who asks.',
  access: 'user',
  ...defineActions({ add, name, wrong }),
})
const call = async (body: unknown) =>
  calculate.output.parse(await calculate.handle(context, calculate.input.parse(body), undefined))

describe('a function of several actions', () => {
  it('runs the action that is named, with its input parsed', async () => {
    expect(await call({ action: 'add', left: 2 })).toEqual({ sum: 3 })
    expect(await call({ action: 'name', left: 2 })).toEqual({ name: 'ada' })
  })

  it('checks an answer by the schema of its own action', async () => {
    await expect(call({ action: 'wrong' })).rejects.toThrow(z.ZodError)
  })

  it.each([[{}], [{ action: 'divide' }], [{ action: 'toString' }], [{ action: 'add', left: 'two' }]])(
    'refuses %j',
    (body) => {
      expect(calculate.input.safeParse(body).success).toBe(false)
    },
  )

  it('says what each action takes and what may be answered', () => {
    expect(z.toJSONSchema(calculate.input, { io: 'input' })).toMatchObject({
      oneOf: [
        { properties: { action: { const: 'add' }, left: { type: 'number' } } },
        { properties: { action: { const: 'name' } } },
        { properties: { action: { const: 'wrong' } } },
      ],
    })
    expect(z.toJSONSchema(calculate.output)).toMatchObject({ anyOf: [{ required: ['sum'] }, {}, {}] })
  })
})
