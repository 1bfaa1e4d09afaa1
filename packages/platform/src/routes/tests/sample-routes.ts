import { actor } from '@plinth/testing'
import { z } from 'zod'
import { sql } from '../../database/index.ts'
import type { CallerSource } from '../../http/index.ts'
import { defineErrors } from '../../kernel/index.ts'
import {
  type AccessCheck,
  bareEnvelope,
  dataEnvelope,
  defineFunction,
  defineRoute,
  definersFor,
  redirect,
  reply,
  sendFile,
} from '../index.ts'
import { useRoutes } from './host-routes.ts'

/** The one user who has roles: clerk and customer. */
export const clerk = actor('clerk')

const bookingErrors = defineErrors({
  no_such_booking: { status: 404, message: 'There is no booking {id}.', hint: 'It may be somebody else’s.' },
  slot_taken: { status: 409, message: 'The slot is taken.', hint: 'Choose another one.' },
})

/** A certificate is for its owner, and for anybody who has its token. */
const isOwner: AccessCheck = async ({ userId, params }) => userId !== null && params['id'] === userId
const holdsToken: AccessCheck = ({ query }) => query.get('token') === 'let-me-in'

const booking = z.object({ id: z.string(), note: z.string().nullable() })
const { defineRoute: defineShoutingRoute } = definersFor<{ shout(text: string): string }>()

/** Routes of every kind. */
export const sampleRoutes = [
  defineRoute({
    method: 'PUT',
    path: '/bookings/:id',
    summary: 'Changes a booking.',
    access: 'user',
    params: z.object({ id: z.string().max(20) }),
    query: z.object({
      notify: z.stringbool().default(false),
      tag: z.union([z.string(), z.array(z.string())]).optional(),
    }),
    body: z.object({ note: z.string().max(100) }),
    responses: {
      200: booking.extend({ notified: z.boolean(), tags: z.int() }),
      202: z.object({ later: z.literal(true) }),
    },
    handle: async (_context, { params, query, body }) => {
      if (params.id === 'none') throw bookingErrors.no_such_booking({ id: params.id })
      if (params.id === 'later') return reply(202, { later: true }, { 'x-queue': 'long' })
      return { id: params.id, note: body.note, notified: query.notify, tags: [query.tag ?? []].flat().length }
    },
  }),
  defineRoute({
    method: ['GET', 'DELETE'],
    path: '/bookings/:id',
    summary: 'Reads or cancels a booking.',
    access: { permission: 'bookings:read' },
    responses: { 200: booking, 204: null },
    handle: async ({ request }, { params }) =>
      request.method === 'DELETE' ? undefined : { id: params['id'] ?? '', note: null },
  }),
  defineRoute({
    method: 'GET',
    path: '/bookings/mine',
    summary: 'Reads one’s own.',
    access: { role: 'customer' },
    responses: { 200: z.object({ roles: z.array(z.string()) }) },
    handle: async ({ roles }) => ({ roles: [...(await roles())] }),
  }),
  defineRoute({
    method: 'GET',
    path: '/certificates/:id',
    summary: 'Gives a certificate.',
    access: { anyOf: [isOwner, holdsToken, { permission: 'certificates:read' }] },
    responses: { 200: 'application/pdf' },
    handle: async () =>
      sendFile(new Uint8Array([37, 80, 68, 70]), { type: 'application/pdf', name: 'Zoë’s "best"\r\n.pdf' }),
  }),
  defineRoute({
    method: 'GET',
    path: '/calendar.ics',
    summary: 'Gives a calendar.',
    access: 'public',
    responses: { 200: 'text/calendar' },
    handle: async () =>
      sendFile('BEGIN:VCALENDAR', { type: 'text/calendar; charset=utf-8', name: 'events.ics', inline: true }),
  }),
  defineRoute({
    method: 'GET',
    path: '/stream',
    summary: 'Streams numbers.',
    access: 'public',
    responses: { 200: 'text/event-stream' },
    handle: async () => {
      const lines = ReadableStream.from(
        ['data: 1\n\n', 'data: 2\n\n'].map((line) => new TextEncoder().encode(line)),
      )
      return new Response(lines, { headers: { 'content-type': 'text/event-stream' } })
    },
  }),
  defineRoute({
    method: 'GET',
    path: '/go',
    summary: 'Leads elsewhere.',
    access: 'public',
    query: z.object({ to: z.string() }),
    responses: { 303: null },
    handle: async ({ cookies }, { query }) => {
      cookies.set('seen', 'yes; really', { maxAge: 60 })
      cookies.delete('old')
      return redirect(query.to)
    },
  }),
  defineRoute({
    method: 'POST',
    path: '/make-server-7dc8476e/files/:id/confirm',
    summary: 'Confirms an upload.',
    access: 'public',
    body: z.object({ parts: z.array(z.string()).default([]) }).loose(),
    envelope: bareEnvelope,
    responses: { 201: z.object({ fileId: z.string(), keys: z.array(z.string()), polluted: z.boolean() }) },
    handle: async (_context, { params, body }) => ({
      fileId: params['id'] ?? '',
      keys: Object.keys(body),
      polluted: ({} as { evil?: unknown }).evil !== undefined,
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/text',
    summary: 'Takes text.',
    access: 'public',
    accepts: ['text'],
    body: z.string().max(50),
    responses: { 200: z.object({ length: z.int() }) },
    handle: async (_context, { body }) => ({ length: body.length }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/bytes',
    summary: 'Takes bytes.',
    access: 'public',
    accepts: ['bytes'],
    bodyLimit: 100,
    body: z.instanceof(Uint8Array),
    responses: { 200: z.object({ length: z.int() }) },
    handle: async (_context, { body }) => ({ length: body.byteLength }),
  }),
  defineRoute({
    method: 'POST',
    path: '/bodies/form',
    summary: 'Takes forms and files.',
    access: 'public',
    body: z.object({ name: z.union([z.string(), z.array(z.string())]), file: z.instanceof(File).optional() }),
    responses: { 200: z.object({ names: z.array(z.string()), file: z.string().nullable() }) },
    handle: async (_context, { body }) => ({
      names: [body.name].flat(),
      file: body.file ? `${body.file.name} ${await body.file.text()}` : null,
    }),
  }),
  defineRoute({
    method: 'POST',
    path: '/slots',
    summary: 'Takes a slot.',
    access: 'public',
    responses: { 204: null },
    handle: async ({ db }) => {
      await db.query(sql`select plinth.refuse('slot_taken', 409, 'Slot 9 is taken.', '{"slot": 9}')`)
      return undefined
    },
  }),
  defineShoutingRoute({
    method: 'GET',
    path: '/shout/:word/*',
    summary: 'Shouts.',
    access: 'public',
    responses: { 200: z.object({ said: z.string(), below: z.string() }) },
    handle: async ({ shout, subPath }, { params }) => ({ said: shout(params['word'] ?? ''), below: subPath }),
  }),
  defineRoute({
    method: 'GET',
    path: '/undeclared',
    summary: 'Answers what it does not declare.',
    access: 'public',
    responses: { 200: booking },
    handle: async () => reply(299, { secret: 'hunter2' }),
  }),
]

const scopedKey: CallerSource = {
  name: 'scoped key',
  identify: ({ header }) =>
    header('x-api-key') === undefined
      ? null
      : { role: 'service_role', claims: { role: 'service_role' }, permissions: [header('x-api-key')!] },
}

/** A project that has them. */
export const useSampleRoutes = () =>
  useRoutes({
    routes: sampleRoutes,
    functions: [
      defineFunction({
        name: 'served',
        summary: 'Only for the service.',
        access: 'service',
        input: z.object({}),
        output: z.object({}),
        handle: async () => ({}),
      }),
    ],
    errors: bookingErrors,
    callers: [scopedKey],
    roles: {
      of: async (_database, userId) => (userId === clerk.userId ? ['clerk', 'customer'] : []),
      permissions: { clerk: ['bookings:read'], customer: [] },
    },
    envelope: {
      ...dataEnvelope,
      failure: (error, { requestId, details }) => ({
        ok: false,
        ...details,
        code: error.code,
        id: requestId,
      }),
    },
    extendContext: () => ({ shout: (text: string) => text.toUpperCase() }),
  })
