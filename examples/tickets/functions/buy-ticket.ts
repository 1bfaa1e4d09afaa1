import { sql } from '@plinth/platform/database'
import { redirect } from '@plinth/platform/routes'
import { z } from 'zod'
import { ticketErrors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

interface Sold {
  readonly id: string
  readonly title: string
  readonly price: string
  readonly tax: string
  readonly currency: string
}

/** Makes a ticket and its order, and sends the payer to the provider's page. */
export const buyTicket = defineFunction({
  name: 'buy-ticket',
  summary: 'Begins to pay a ticket.',
  access: 'public',
  accepts: ['form', 'json'],
  input: z.object({ show: z.uuid() }),
  output: z.never(),
  handle: async ({ asService, payments, request, userId }, { show }) => {
    const { rows } = await asService('a ticket for whoever asks').query<Sold>(sql`
      with sold as (insert into public.tickets (show_id, user_id) select id, ${userId} from public.shows where id = ${show} returning id)
      select sold.id, title, price, tax, currency from sold, public.shows where shows.id = ${show}`)
    const ticket = rows[0]
    if (!ticket) throw ticketErrors.show_not_found({ show })
    const tax = Number(ticket.tax)
    const order = await payments.createOrder({
      tenant: show,
      purpose: 'ticket',
      reference: ticket.id,
      person: userId,
      currency: ticket.currency,
      lines: [
        { account: 'tickets', kind: 'income' as const, amount: Number(ticket.price) - tax },
        { account: 'tax', kind: 'liability' as const, amount: tax },
      ].filter(({ amount }) => amount > 0),
    })
    const back = new URL(`show-ticket?ticket=${ticket.id}`, request.url)
    const checkout = await payments.checkout(order.id, 'stripe', {
      title: ticket.title,
      successUrl: back.href,
      cancelUrl: back.href,
    })
    return redirect(checkout.url!, 303)
  },
})
