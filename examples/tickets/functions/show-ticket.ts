import { sql } from '@plinth/platform/database'
import { z } from 'zod'
import { defineFunction } from '../uses.ts'
import { showPage } from './show-page.ts'

/** Where the payer comes back to. The id in the address is random and known to the payer only. */
export const showTicket = defineFunction({
  name: 'show-ticket',
  summary: 'A page with the state of a ticket.',
  access: 'public',
  methods: ['GET'],
  respond: async (request, { asService }) => {
    const id = z.uuid().catch('00000000-0000-0000-0000-000000000000')
    const ticket = id.parse(new URL(request.url).searchParams.get('ticket'))
    const { rows } = await asService('whoever has the address of a ticket sees it').query<{
      status: string
      receipt: string | null
    }>(sql`select status, receipt from public.tickets where id = ${ticket}`)
    const { status = 'unknown', receipt = null } = rows[0] ?? {}
    return showPage('Your ticket', `<p id="status">${status}</p><p id="receipt">${receipt ?? ''}</p>`)
  },
})
