import { sql } from '@plinth/platform/database'
import { sendFile } from '@plinth/platform/routes'
import { z } from 'zod'
import { libraryErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'

interface Loan {
  readonly title: string
  /** `20260205`. */
  readonly due: string
}

/** The day on which a loan is due, for a calendar (RFC 5545). Row security decides whose loans the caller sees. */
export const loanCalendar = defineRoute({
  method: 'GET',
  path: '/loans/:id/due.ics',
  summary: 'The due day of a loan as a calendar entry.',
  access: 'user',
  params: z.object({ id: z.uuid() }),
  responses: { 200: 'text/calendar' },
  handle: async ({ db }, { params }) => {
    const { rows } = await db.query<Loan>(
      sql`select b.title, to_char(l.due_on, 'YYYYMMDD') as due
          from public.loans l join public.books b on b.id = l.book_id where l.id = ${params.id}`,
      { readOnly: true },
    )
    if (!rows[0]) throw libraryErrors.unknown_loan()
    const type = 'text/calendar; charset=utf-8'
    return sendFile(calendarOf(params.id, rows[0]), { type, name: 'due.ics' })
  },
})

const calendarOf = (id: string, { title, due }: Loan): string =>
  [
    'BEGIN:VCALENDAR',
    'VERSION:2.0',
    'PRODID:-//Plinth//Library//EN',
    'BEGIN:VEVENT',
    `UID:${id}@library`,
    `DTSTAMP:${due}T000000Z`,
    `DTSTART;VALUE=DATE:${due}`,
    `SUMMARY:Bring back ${title.replace(/[\\;,]/g, (sign) => `\\${sign}`).replace(/\s+/g, ' ')}`,
    'END:VEVENT',
    'END:VCALENDAR',
    '',
  ].join('\r\n')
