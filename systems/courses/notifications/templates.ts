import { type AnyTemplate, defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

/** What messages say of an event: `private.event_facts`. */
const event = { event: z.string(), event_id: z.string(), zone: z.string(), starts: z.string() }
const sample = {
  event: 'TypeScript in two hours',
  event_id: '00000000-0000-4000-8000-000000000001',
  zone: 'Asia/Kolkata',
  starts: 'Sat 24 Jan 2026, 18:00',
}
const money = { amount: z.number(), currency: z.string() }
const priced = { ...sample, amount: 999, currency: 'INR' }
const ofEvent = z.object(event)
const withMoney = z.object({ ...event, ...money })

const registrations = 'registrations'
const payments = 'payments'

export const courseTemplates: readonly AnyTemplate[] = [
  defineTemplate({
    name: 'registration-confirmed',
    summary: 'A seat is taken for good; the event’s calendar entry goes along.',
    topic: registrations,
    variables: ofEvent,
    sample,
    texts: {
      en: {
        subject: 'Your seat: {{ event }}',
        text: 'You have a seat in {{ event }}, on {{ starts }} ({{ zone }}). The link to join is in the app.',
      },
    },
  }),
  defineTemplate({
    name: 'registration-cancelled',
    summary: 'A seat was given up, passed on, or the event was cancelled.',
    topic: registrations,
    variables: z.object({ ...event, reason: z.string(), refund: z.boolean() }),
    sample: { ...sample, reason: 'The event was cancelled.', refund: true },
    texts: {
      en: {
        subject: 'Cancelled: {{ event }}',
        text: 'Your seat in {{ event }} on {{ starts }} ({{ zone }}) is cancelled. {{ reason }}{% if refund %} What you paid is on its way back.{% endif %}',
      },
    },
  }),
  defineTemplate({
    name: 'payment-returned',
    summary: 'A payment came when the seat was gone.',
    topic: payments,
    variables: withMoney,
    sample: priced,
    texts: {
      en: {
        subject: 'Your payment goes back: {{ event }}',
        text: 'Your payment for {{ event }} came when no seat was left. {{ amount }} {{ currency }} go back to you.',
      },
    },
  }),
  defineTemplate({
    name: 'payment-failed',
    summary: 'An attempt to pay failed.',
    topic: payments,
    variables: ofEvent,
    sample,
    texts: {
      en: {
        subject: 'The payment failed: {{ event }}',
        text: 'Your payment for {{ event }} on {{ starts }} ({{ zone }}) did not go through. You may try again while your seat is kept.',
      },
    },
  }),
  defineTemplate({
    name: 'payment-refunded',
    summary: 'Money went back.',
    topic: payments,
    variables: withMoney,
    sample: priced,
    texts: {
      en: {
        subject: '{{ amount }} {{ currency }} went back: {{ event }}',
        text: '{{ amount }} {{ currency }} of your payment for {{ event }} went back to you.',
      },
    },
  }),
  defineTemplate({
    name: 'refund-failed',
    summary: 'For administrators: a refund came back from the bank.',
    topic: payments,
    variables: ofEvent,
    sample,
    texts: {
      en: {
        subject: 'A refund failed: {{ event }}',
        text: 'A refund for {{ event }} came back. It is listed among the payments to review.',
      },
    },
  }),
  defineTemplate({
    name: 'seat-offered',
    summary: 'A seat became free for who waits.',
    topic: 'waitlist',
    variables: z.object({ ...event, until: z.string() }),
    sample: { ...sample, until: 'Fri 23 Jan 2026, 18:00' },
    texts: {
      en: {
        subject: 'A seat is free: {{ event }}',
        text: 'A seat in {{ event }} on {{ starts }} is yours until {{ until }} ({{ zone }}). Register to take it, or decline so that the next one gets it.',
        sms: 'A seat in {{ event }} is yours until {{ until }}.',
      },
    },
  }),
  defineTemplate({
    name: 'seat-passed-on',
    summary: 'Somebody passes their seat on.',
    topic: registrations,
    variables: ofEvent,
    sample,
    texts: {
      en: {
        subject: 'A seat for you: {{ event }}',
        text: 'Somebody passes their seat in {{ event }} on {{ starts }} ({{ zone }}) on to you. Sign in with this address to take it.',
      },
    },
  }),
  defineTemplate({
    name: 'event-moved',
    summary: 'An event is at another time; its calendar entry changes.',
    topic: registrations,
    variables: z.object({ ...event, before: z.string() }),
    sample: { ...sample, before: 'Fri 23 Jan 2026, 18:00' },
    texts: {
      en: {
        subject: 'Another time: {{ event }}',
        text: '{{ event }} is on {{ starts }} ({{ zone }}), and not on {{ before }}. Your seat is kept.',
      },
    },
  }),
  defineTemplate({
    name: 'reminder',
    summary: 'A day and an hour before an event.',
    topic: 'reminders',
    variables: z.object({ ...event, soon: z.boolean() }),
    sample: { ...sample, soon: false },
    texts: {
      en: {
        subject: '{% if soon %}In an hour{% else %}Tomorrow{% endif %}: {{ event }}',
        text: '{{ event }} begins on {{ starts }} ({{ zone }}). The link to join is in the app.',
        sms: '{{ event }} begins at {{ starts }}.',
      },
    },
  }),
  defineTemplate({
    name: 'announcement',
    summary: 'What an instructor tells everybody who has a seat.',
    topic: 'announcements',
    variables: z.object({ ...event, subject: z.string(), message: z.string() }),
    sample: { ...sample, subject: 'Bring a laptop', message: 'We begin with an exercise.' },
    texts: { en: { subject: '{{ event }}: {{ subject }}', text: '{{ message }}' } },
  }),
  defineTemplate({
    name: 'referral-reward',
    summary: 'Two people paid who were brought along.',
    topic: 'referrals',
    variables: z.object({ ...event, code: z.string().nullable() }),
    sample: { ...sample, code: null },
    texts: {
      en: {
        subject: 'Thank you: {{ event }}',
        text: 'Two people that you brought along have paid. {% if code %}The voucher {{ code }} is good for a technical course of your choice.{% else %}Your seat in {{ event }} is free of charge.{% endif %}',
      },
    },
  }),
]
