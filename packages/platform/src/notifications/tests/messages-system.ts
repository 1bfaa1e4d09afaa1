import { defineSystem, useCapabilities } from '@plinth/platform/system'
import { z } from 'zod'
import { defineTemplate, notifications } from '../index.ts'

export const bookingConfirmed = defineTemplate({
  name: 'booking-confirmed',
  summary: 'After a booking.',
  topic: 'bookings',
  variables: z.object({ service: z.string(), name: z.string().default('you'), id: z.string().default('7') }),
  sample: { service: 'Haircut', name: 'Ada' },
  url: 'https://example.com/bookings/{{ id }}',
  texts: {
    en: {
      subject: 'Booked: {{ service }}',
      text: 'Hello {{ name }}, {{ service }} is booked.',
      html: '<p>Hello <b>{{ name }}</b>, {{ service }} is booked.</p>',
      sms: '{{ service }} is booked.',
      action: 'Show it',
    },
    'pt-BR': { subject: 'Marcado: {{ service }}', text: 'Olá {{ name }}.' },
  },
})

export const offer = defineTemplate({
  name: 'offer',
  summary: 'Marketing.',
  purpose: 'marketing',
  topic: 'offers',
  variables: z.object({}),
  sample: {},
  texts: { en: { subject: 'Half price', text: 'This week only.' } },
})

const templates = [bookingConfirmed, offer]

type Given = Parameters<typeof notifications>[0]

/** A system that sends messages; `sql` is its own migration. */
export function messagesSystem(given: Given = {}, sql = '') {
  const { uses } = useCapabilities(notifications({ templates, ...given }))
  return defineSystem({
    name: 'sample',
    summary: 'Sends messages.',
    tenant: null,
    uses,
    migrations: async () => ({
      name: 'sample',
      migrations: sql === '' ? [] : [{ name: '001_sample', sql, checksum: sql }],
    }),
    functions: [],
    jobs: [],
    realtimeTables: [],
    journalledTables: [],
  })
}
