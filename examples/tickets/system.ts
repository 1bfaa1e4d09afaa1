import { readMigrations } from '@plinth/platform/database'
import { defineSystem } from '@plinth/platform/system'
import { ticketErrors } from './errors.ts'
import { buyTicket } from './functions/buy-ticket.ts'
import { showTicket } from './functions/show-ticket.ts'
import { ticketShop } from './functions/ticket-shop.ts'
import { uses } from './uses.ts'

/** Tickets that are paid at Stripe's page or in Razorpay's window: a paid order, from the checkout to the ledger. */
export const tickets = defineSystem({
  name: 'tickets',
  summary: 'Tickets for shows.',
  tenant: { table: 'shows', column: 'show_id' },
  uses,
  migrations: () => readMigrations('tickets', new URL('./sql/migrations/', import.meta.url)),
  errors: ticketErrors,
  functions: [ticketShop, buyTicket, showTicket],
  jobs: [],
  realtimeTables: ['tickets'],
  journalledTables: ['shows', 'tickets'],
})
