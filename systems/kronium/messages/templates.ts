import { defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

/** What messages say of a booking; times are those of the client's zone. */
const bookingVariables = z.object({
  name: z.string(),
  service: z.string(),
  when: z.string(),
  was: z.string().optional(),
  location: z.string().optional(),
  price: z.string(),
  reason: z.string().optional(),
  link: z.string(),
})

const sample = {
  name: 'Ada',
  service: 'Haircut',
  when: 'Monday, 1 June 2026 at 09:00 (Europe/London)',
  was: 'Friday, 29 May 2026 at 09:00 (Europe/London)',
  location: '12 High Street',
  price: '40.00 USD',
  reason: 'the deposit did not come',
  link: 'https://example.com/book/manage/x',
}

const about = (name: string, summary: string, subject: string, text: string) =>
  defineTemplate({
    name,
    summary,
    topic: 'bookings',
    variables: bookingVariables,
    sample,
    url: '{{ link }}',
    texts: { en: { subject, text, action: 'See the booking' } },
  })

export const templates = [
  defineTemplate({
    name: 'welcome',
    summary: 'After somebody has made an account.',
    topic: 'account',
    variables: z.object({ name: z.string(), simpleId: z.string() }),
    sample: { name: 'Ada', simpleId: 'AAA00001' },
    texts: {
      en: {
        subject: 'Welcome{% if name != "" %}, {{ name }}{% endif %}',
        text: 'Good to have you here. Your number with us is {{ simpleId }}.',
      },
    },
  }),
  about(
    'booking-requested',
    'A booking waits to be confirmed.',
    'We have your request: {{ service }}',
    'Your request for {{ service }} on {{ when }} has come. We will confirm it.',
  ),
  about(
    'booking-confirmation',
    'A booking is confirmed.',
    'Confirmed: {{ service }}',
    '{{ service }} on {{ when }} is confirmed.{% if location %} Where: {{ location }}.{% endif %} Price: {{ price }}.',
  ),
  about(
    'booking-moved',
    'A booking has another time.',
    'New time: {{ service }}',
    '{{ service }} is now on {{ when }}. It was on {{ was }}.',
  ),
  about(
    'booking-cancelled',
    'A booking was cancelled.',
    'Cancelled: {{ service }}',
    '{{ service }} on {{ when }} is cancelled.{% if reason %} Reason: {{ reason }}.{% endif %}',
  ),
  about(
    'booking-reminder',
    'A booking is near.',
    'Soon: {{ service }}',
    'A reminder: {{ service }} on {{ when }}.{% if location %} Where: {{ location }}.{% endif %}',
  ),
  defineTemplate({
    name: 'booking-notice',
    summary: 'Tells admins, and who does it, what became of a booking.',
    topic: 'bookings',
    variables: bookingVariables.extend({ event: z.string() }),
    sample: { ...sample, event: 'requested' },
    texts: {
      en: {
        subject: 'Booking {{ event }}: {{ service }}',
        text: '{{ name }}, {{ service }}, {{ when }}: {{ event }}.{% if reason %} {{ reason }}.{% endif %}',
      },
    },
  }),
  defineTemplate({
    name: 'project-update',
    summary: 'Something was told of a project.',
    topic: 'projects',
    variables: z.object({ name: z.string(), title: z.string(), message: z.string(), progress: z.number() }),
    sample: { name: 'Ada', title: 'New kitchen', message: 'The tiles are here.', progress: 40 },
    texts: {
      en: {
        subject: 'News of {{ title }}',
        text: '{{ message }} The project is at {{ progress }} %.',
      },
    },
  }),
]
