import { z } from 'zod'
import type { Form } from '../core/form.ts'
import { badParameter, missing } from './failure.ts'
import { list, paging, type Range, readParams, text } from './params.ts'

/** One call of the API. */
export interface Route {
  readonly method: 'GET' | 'POST' | 'DELETE'
  /** As Hono writes it: `/v1/customers/:id`. */
  readonly path: string
  /** Gives the object to answer with, and what of it the caller wants in place of ids. */
  answer(params: Form, ids: Ids): { readonly object: object; readonly expand: readonly string[] }
}

/** Parts of the path, by name. */
export type Ids = Readonly<Record<string, string>>

const expandable = { expand: list(text).optional() }

/** Describes a call: its parameters beside `expand`, and what it does. It does not wait for anything. */
export function route<Shape extends z.ZodRawShape>(
  method: Route['method'],
  path: string,
  shape: Shape,
  handle: (params: z.output<z.ZodObject<Shape, z.core.$strict>>, ids: Ids) => object,
): Route {
  const schema = z.strictObject({ ...shape, ...expandable })
  return {
    method,
    path,
    answer: (params, ids) => {
      const { expand = [], ...read } = readParams(schema, params) as { expand?: string[] }
      return { object: handle(read as z.output<z.ZodObject<Shape, z.core.$strict>>, ids), expand }
    },
  }
}

/** A list call over objects, oldest first; it answers the newest first, in pages. */
export function listRoute<Shape extends z.ZodRawShape, T extends { id: string }>(
  path: string,
  shape: Shape,
  find: (params: z.output<z.ZodObject<Shape, z.core.$strict>>, ids: Ids) => readonly T[],
): Route {
  return route('GET', path, { ...paging, ...shape }, (params, ids) =>
    paginate(find(params as never, ids), params as unknown as Paging, fill(path, ids)),
  )
}

interface Paging {
  readonly limit: number
  readonly starting_after?: string | undefined
  readonly ending_before?: string | undefined
  readonly created?: Range | undefined
}

const fill = (path: string, ids: Ids) => path.replace(/:(\w+)/g, (_, name: string) => ids[name]!)

export function paginate<T extends { id: string }>(oldestFirst: readonly T[], page: Paging, url: string) {
  if (page.starting_after && page.ending_before)
    throw badParameter('You can only use one of starting_after and ending_before.', 'ending_before')
  const all = oldestFirst.toReversed().filter((object) => isWithin(createdOf(object), page.created))
  const at = (id: string, param: string) => {
    const found = all.findIndex((object) => object.id === id)
    if (found < 0) throw missing('object', id, param)
    return found
  }
  if (page.ending_before) {
    const end = at(page.ending_before, 'ending_before')
    const from = Math.max(0, end - page.limit)
    return { object: 'list' as const, url, has_more: from > 0, data: all.slice(from, end) }
  }
  const from = page.starting_after ? at(page.starting_after, 'starting_after') + 1 : 0
  const data = all.slice(from, from + page.limit)
  return { object: 'list' as const, url, has_more: from + data.length < all.length, data }
}

const createdOf = (object: object): number => ('created' in object ? Number(object.created) : 0)

const isWithin = (at: number, { gt, gte, lt, lte }: Range = {}): boolean =>
  (gt === undefined || at > gt) &&
  (gte === undefined || at >= gte) &&
  (lt === undefined || at < lt) &&
  (lte === undefined || at <= lte)
