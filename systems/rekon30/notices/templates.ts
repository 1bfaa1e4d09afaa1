import { defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

const due = z.object({
  business: z.string(),
  kind: z.enum(['upcoming', 'overdue', 'switched_off']),
  date: z.string(),
  amount: z.string(),
  currency: z.string(),
})

const backup = z.object({ business: z.string(), problem: z.string() })

/** What the SQL of `011_notices` sends. */
export const rekon30Templates = [
  defineTemplate({
    name: 'payment-reminder',
    summary: 'To a business: what it pays the platform is due soon, overdue, or was not paid.',
    variables: due,
    sample: { business: 'Corner shop', kind: 'upcoming', date: '2026-07-01', amount: '200', currency: 'GHS' },
    texts: {
      en: {
        subject:
          '{% if kind == "upcoming" %}Payment due on {{ date }}{% elsif kind == "overdue" %}Payment overdue{% else %}{{ business }} is switched off{% endif %}',
        text:
          '{% if kind == "upcoming" %}{{ amount }} {{ currency }} for {{ business }} are due on {{ date }}.' +
          '{% elsif kind == "overdue" %}{{ amount }} {{ currency }} for {{ business }} were due on {{ date }}. Please pay, or access ends.' +
          '{% else %}{{ business }} is switched off because {{ amount }} {{ currency }} were not paid. Its data is untouched and open again after payment.{% endif %}',
      },
    },
  }),
  defineTemplate({
    name: 'backup-failed',
    summary: 'To super admins: a backup of a business failed.',
    purpose: 'alert',
    variables: backup,
    sample: { business: 'Corner shop', problem: 'no space left' },
    texts: {
      en: {
        subject: 'A backup of {{ business }} failed',
        text: 'A backup of {{ business }} failed: {{ problem }}',
      },
    },
  }),
  defineTemplate({
    name: 'backup-recovered',
    summary: 'To super admins: a business is backed up again after a failure.',
    purpose: 'alert',
    variables: backup,
    sample: { business: 'Corner shop', problem: '' },
    texts: {
      en: {
        subject: '{{ business }} is backed up again',
        text: 'The last backup of {{ business }} went well again.',
      },
    },
  }),
]
