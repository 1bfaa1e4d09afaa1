import { defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

/** Messages to users. SQL queues them by name, in the transaction of what they are about. */
export const templates = [
  defineTemplate({
    name: 'low-credits',
    summary: 'A tenth of the period’s credits is left.',
    topic: 'credits',
    variables: z.object({ left: z.number() }),
    sample: { left: 90 },
    texts: {
      en: {
        subject: 'You have {{ left }} credits left',
        text: 'You have {{ left }} credits left. Uploads need ten credits for each GiB. Buy credits or choose a larger plan to go on.',
      },
      th: {
        subject: 'คุณเหลือ {{ left }} เครดิต',
        text: 'คุณเหลือ {{ left }} เครดิต การอัปโหลดใช้ 10 เครดิตต่อ GiB ซื้อเครดิตเพิ่มหรือเลือกแพ็กเกจที่ใหญ่ขึ้น',
      },
    },
  }),
  defineTemplate({
    name: 'payment-failed',
    summary: 'An invoice of the subscription was not paid.',
    variables: z.object({ plan: z.string(), amount: z.string(), page: z.string() }),
    sample: { plan: 'Creator', amount: '299.00', page: 'https://example.com/invoice' },
    url: '{{ page }}',
    texts: {
      en: {
        subject: 'Your payment for {{ plan }} failed',
        text: '{{ amount }} baht for {{ plan }} could not be charged. The credits of this period wait until it is paid. It is tried again; you can also pay at {{ page }}',
        action: 'Pay the invoice',
      },
    },
  }),
  defineTemplate({
    name: 'storage-grace',
    summary: 'There are more files than the new plan has room for.',
    topic: 'storage',
    variables: z.object({ until: z.string(), gib: z.number() }),
    sample: { until: '2026-02-15', gib: 1 },
    texts: {
      en: {
        subject: 'Your files are more than your plan has room for',
        text: 'Your plan has room for {{ gib }} GiB. Until {{ until }} you can upload as before. After that, nothing can be added until files were removed. Nothing is deleted.',
      },
    },
  }),
]
