import { z } from 'zod'
import { defineAction, type RouteContext } from '../routes/index.ts'
import type { CallerRewinds } from './capability.ts'
import { rewindErrors } from './errors.ts'

type Context = RouteContext & { readonly rewinds: CallerRewinds }

const tenant = z.string().max(200)
const wanted = z.object({
  tenant,
  to: z
    .union([z.int().nonnegative(), z.string().max(40)])
    .describe('The number of the last change that stays, or an instant with its offset from UTC.'),
  tables: z.array(z.string().max(130)).min(1).max(200).optional(),
})

const rows = z.int().nonnegative()
const previewed = z.object({
  tenant: z.string(),
  sequence: rows,
  undone: rows,
  tables: z.array(z.object({ table: z.string(), removed: rows, restored: rows, reverted: rows })),
  lost: z.array(z.object({ table: z.string(), rows, as: z.enum(['removed', 'detached']) })),
  moved: z.array(z.object({ table: z.string(), key: z.string() })),
  kept: z.record(z.string(), rows),
  removesTenant: z.boolean(),
})
const applied = previewed.extend({ id: z.string(), journalled: z.boolean(), undoneBy: rows.nullable() })

/**
 * Actions `preview`, `apply` and `undo` for a function of a system that uses `rewind()`: its people take their own tenants
 * back. `may` says whether the caller may rewind that tenant; who may not learns no more than who names no tenant.
 */
export function rewindActions<Given extends Context>(
  may: (context: Given, tenant: string) => Promise<boolean>,
) {
  const require = async (context: Given, name: string): Promise<CallerRewinds> => {
    if (await may(context, name)) return context.rewinds
    throw rewindErrors.rewind_unknown_tenant({ tenant: name, system: 'this system', suggestion: '' })
  }
  return {
    preview: defineAction({
      input: wanted,
      output: previewed,
      handle: async (context: Given, given) =>
        answer(await (await require(context, given.tenant)).preview(given)),
    }),
    apply: defineAction({
      input: wanted.extend({ leaveMoved: z.boolean().default(false) }),
      output: applied,
      handle: async (context: Given, given) =>
        answer(await (await require(context, given.tenant)).apply(given)),
    }),
    undo: defineAction({
      input: z.object({ tenant, id: z.uuid() }),
      output: applied,
      handle: async (context: Given, given) =>
        answer(await (await require(context, given.tenant)).undo(given)),
    }),
  }
}

/** Lists of a rewind are read only; those of an answer are not. */
const answer = <T extends { readonly tables: unknown }>(given: T) => structuredClone(given) as Mutable<T>
type Mutable<T> = T extends readonly (infer Item)[]
  ? Mutable<Item>[]
  : T extends object
    ? { -readonly [Name in keyof T]: Mutable<T[Name]> }
    : T
