import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { courseErrors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

const stay = z.object({
  id: z.uuid(),
  registration_id: z.uuid(),
  event_id: z.uuid(),
  check_in_time: z.string(),
  check_out_time: z.string().nullable(),
  duration_minutes: z.number().nullable(),
})
type Stay = z.output<typeof stay>

const visit = stay.extend({ event: z.record(z.string(), z.unknown()) })
type Visit = z.output<typeof visit>

const action = z.enum(['checkin', 'checkout', 'history'])

/** Checks people in and out of live sessions, and tells them where they were (C-F3). */
export const sessionManagement = defineFunction({
  name: 'session-management',
  summary: 'Checks in, checks out, and lists the caller’s attendance.',
  access: 'user',
  methods: ['POST', 'GET'],
  limit: { calls: 60, seconds: 60 },
  input: z.object({
    action: action.optional(),
    registrationId: z.uuid().optional(),
    eventId: z.uuid().optional(),
    attendanceId: z.uuid().optional(),
    /** The code that the instructor shows, where the event asks for it. */
    code: z.string().max(20).optional(),
  }),
  query: z.object({ action: action.optional() }),
  output: z.object({
    attendance: stay.optional(),
    history: z.array(visit).optional(),
  }),
  handle: async ({ db, asService, userId, clientAddress, request }, input, query) => {
    const { registrationId, eventId, attendanceId, code = null } = input
    const asked = query?.action ?? input.action
    if (asked === 'checkin' && request.method === 'POST' && registrationId && eventId)
      return {
        attendance: await ask<Stay>(
          asService('the address and the device are what the server saw'),
          sql`select private.check_in(${userId}, ${registrationId}, ${eventId}, ${code}, ${clientAddress},
            ${request.headers.get('user-agent')}) as answer`,
        ),
      }
    if (asked === 'checkout' && request.method === 'POST' && attendanceId)
      return { attendance: await ask<Stay>(db, sql`select public.check_out(${attendanceId}) as answer`) }
    if (asked === 'history')
      return {
        history: await ask<Visit[]>(db, sql`select public.attendance_history() as answer`, {
          readOnly: true,
        }),
      }
    throw courseErrors.action_unknown()
  },
})
