import { sql } from '@plinth/platform/database'
import { defineFunction } from '../uses.ts'
import { showPage } from './show-page.ts'

interface Show {
  readonly id: string
  readonly title: string
  readonly price: string
  readonly currency: string
}

/** A page with a button for each show. */
export const ticketShop = defineFunction({
  name: 'ticket-shop',
  summary: 'A page that sells tickets.',
  access: 'public',
  methods: ['GET'],
  respond: async (_request, { db }) => {
    const { rows } = await db.query<Show>(
      sql`select id, title, plinth.to_major(price, currency)::text as price, currency from public.shows order by title`,
      { readOnly: true },
    )
    const buttons = rows.map(
      ({ id, title, price, currency }) =>
        `<form method="post" action="buy-ticket"><input type="hidden" name="show" value="${id}">
          <button>${title}: ${price} ${currency}</button></form>`,
    )
    return showPage('Tickets', buttons.join('\n'))
  },
})
