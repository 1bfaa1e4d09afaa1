import { sql } from '@plinth/platform/database'
import { reply } from '@plinth/platform/routes'
import { z } from 'zod'
import { kroniumErrors } from '../errors.ts'
import { Filter, pageOf, pageQuery, readPage } from '../rows/pages.ts'
import { message, room } from '../rows/schemas.ts'
import { readRow } from '../rows/write-rows.ts'
import { defineRoute } from '../uses.ts'

const params = z.object({ id: z.uuid() })

export const openRoom = defineRoute({
  method: 'POST',
  path: '/chat/rooms',
  summary: 'The caller’s room with the company, made when there is none.',
  access: 'user',
  responses: { 200: room },
  handle: async ({ db }) => {
    const { rows } = await db.query<{ row: never }>(
      sql`select to_jsonb(r) as row from public.open_my_room() r`,
    )
    return rows[0]!.row
  },
})

export const listRooms = defineRoute({
  method: 'GET',
  path: '/chat/rooms',
  summary: 'The rooms that the caller takes part in, the one last written to first.',
  access: 'user',
  query: z.object(pageQuery),
  responses: { 200: pageOf(room) },
  handle: ({ db }, { query: { page, limit } }) =>
    readPage(db, {
      table: 'chat_rooms',
      filter: new Filter(),
      order: 't."lastMessageAt" desc nulls last, t.id',
      page,
      limit,
    }),
})

export const listMessages = defineRoute({
  method: 'GET',
  path: '/chat/rooms/:id/messages',
  summary: 'Messages of a room: the newest, those before a number, or those after one, in their order.',
  access: 'user',
  params,
  query: z.object({
    before: z.coerce.number().int().optional(),
    after: z.coerce.number().int().optional(),
    limit: z.coerce.number().int().min(1).max(100).default(50),
  }),
  responses: { 200: z.object({ items: z.array(message), lastSeq: z.int() }) },
  handle: async ({ db }, { params: { id }, query: { before, after, limit } }) => {
    const { row } = await readRow(db, 'chat_rooms', id, kroniumErrors.unknown_room)
    const newest = after === undefined
    const { rows } = await db.query<{ items: never[] }>(
      {
        text: `select coalesce(json_agg(m.row order by m.seq), '[]') as items from (
          select to_jsonb(t) as row, t.seq from public.chat_messages t
          where t."chatRoomId" = $1 and t.seq < $2 and t.seq > $3 order by t.seq ${newest ? 'desc' : 'asc'} limit $4) m`,
        values: [id, before ?? Number.MAX_SAFE_INTEGER, after ?? 0, limit],
      },
      { readOnly: true },
    )
    return { items: rows[0]!.items, lastSeq: (row as { lastSeq: number }).lastSeq }
  },
})

export const sendMessage = defineRoute({
  method: 'POST',
  path: '/chat/rooms/:id/messages',
  summary: 'Sends a message, once for each clientId.',
  access: 'user',
  params,
  body: z
    .object({
      message: z.string().max(4_000).default(''),
      clientId: z.uuid().optional(),
      attachments: z
        .array(
          z.object({
            path: z.string().max(500),
            name: z.string().max(255),
            type: z.string().max(100).optional(),
          }),
        )
        .max(10)
        .default([]),
    })
    .refine((given) => given.message !== '' || given.attachments.length > 0, 'says nothing'),
  responses: { 201: message },
  handle: async ({ db }, { params: { id }, body: { message: text, clientId, attachments } }) => {
    const { rows } = await db.query<{ row: never }>(sql`
      select to_jsonb(m) as row
      from public.send_message(${id}, ${text}, ${clientId ?? null}, ${JSON.stringify(attachments)}) m`)
    return reply(201, rows[0]!.row)
  },
})

export const markRead = defineRoute({
  method: 'PUT',
  path: '/chat/rooms/:id/read',
  summary: 'Says how far the caller has read a room; it never goes back.',
  access: 'user',
  params,
  body: z.object({ seq: z.int().min(0) }),
  responses: { 200: z.object({ seq: z.int() }) },
  handle: async ({ db }, { params: { id }, body: { seq } }) => {
    const { rows } = await db.query<{ seq: string }>(sql`select public.mark_read(${id}, ${seq})::text as seq`)
    return { seq: Number(rows[0]!.seq) }
  },
})

export const searchMessages = defineRoute({
  method: 'GET',
  path: '/chat/search',
  summary: 'Messages of the caller’s rooms that hold all words.',
  access: 'user',
  query: z.object({
    q: z.string().min(1).max(200),
    room: z.uuid().optional(),
    limit: z.coerce.number().int().min(1).max(100).default(20),
  }),
  responses: { 200: z.object({ items: z.array(message) }) },
  handle: async ({ db }, { query: { q, room: id, limit } }) => {
    const { rows } = await db.query<{ row: never }>(
      sql`select to_jsonb(m) as row from public.search_chat(${q}, ${id ?? null}, ${limit}) m`,
      { readOnly: true },
    )
    return { items: rows.map(({ row }) => row) }
  },
})
