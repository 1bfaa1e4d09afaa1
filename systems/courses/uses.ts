import { alerts } from '@plinth/platform/alerts'
import { cache } from '@plinth/platform/cache'
import { holds } from '@plinth/platform/holds'
import { merkleLog } from '@plinth/platform/merkle-log'
import { notifications } from '@plinth/platform/notifications'
import { payments } from '@plinth/platform/payments'
import { storage } from '@plinth/platform/storage'
import { useCapabilities } from '@plinth/platform/system'
import { certificateIssued, certificates } from './certificates/index.ts'
import { courseTemplates } from './notifications/templates.ts'
import { registrationHooks } from './registration-hooks.ts'

/** The requirement’s four targets (C-M1 to C-M4), over the figures of `system.ts`. */
const rules = [
  {
    name: 'payments-fail',
    summary: 'Fewer than 95 of 100 payments succeed.',
    severity: 'critical',
    figure: 'payment-success',
    below: 95,
    forSeconds: 600,
  },
  {
    name: 'webhooks-slow',
    summary: 'A webhook’s registration is paid later than two seconds after it came.',
    figure: 'webhook-seconds',
    above: 2,
    forSeconds: 300,
  },
  {
    name: 'messages-fail',
    summary: 'Fewer than 98 of 100 messages are delivered.',
    figure: 'delivery-rate',
    below: 98,
    forSeconds: 600,
  },
  {
    name: 'certificates-missing',
    summary: 'Somebody who earned a certificate has none two hours after the event.',
    figure: 'certificate-rate',
    below: 100,
    forSeconds: 600,
  },
  {
    name: 'certificates-altered',
    summary: 'Certificates, or their log, are not what was signed.',
    severity: 'critical',
    figure: 'certificate-findings',
    above: 0,
    forSeconds: 60,
  },
] as const

/** What courses use beside what every project has; its functions and jobs are declared with these definers. */
export const { uses, defineFunction, defineJob } = useCapabilities(
  holds({ waitlists: true }),
  payments({ hooks: registrationHooks }),
  notifications({
    templates: [...courseTemplates, certificateIssued],
    brings: { inApp: true, preferences: true },
  }),
  storage({ fileSizeLimit: 10 * 2 ** 30 }),
  cache(),
  alerts({ rules }),
  merkleLog(),
  certificates(),
)
