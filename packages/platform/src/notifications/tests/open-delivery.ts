import type { FakeClock } from '@plinth/testing'
import type { TestSystem } from '@plinth/testing/system'
import { silentLog } from '../../kernel/index.ts'
import { deliverAll } from '../delivery/deliver-all.ts'
import type { DeliveryOptions } from '../delivery/options.ts'
import { bookingConfirmed, offer } from './messages-system.ts'

/** Delivering in a test's database, by the providers that the test gives. */
export function deliveryOptions(
  { database, clock }: { readonly database: TestSystem['database']; readonly clock: FakeClock },
  given: Partial<DeliveryOptions>,
): DeliveryOptions {
  return {
    database,
    clock,
    log: silentLog,
    templates: [bookingConfirmed, offer],
    defaults: {
      email: true,
      sms: true,
      push: true,
      in_app: true,
      marketing: false,
      quietFrom: undefined,
      quietUntil: undefined,
      zone: 'UTC',
      locale: 'en',
    },
    backOff: { attempts: 3, firstPause: 60_000 },
    perSecond: {},
    sender: { name: 'Shop', address: 'shop@example.com', replyTo: undefined },
    mail: undefined,
    sms: undefined,
    pushes: [],
    suppressionKey: Buffer.alloc(32, 3),
    unsubscribeUrl: () => 'https://example.com/unsubscribe',
    ...given,
  }
}

export const deliver = (options: DeliveryOptions, most = 10_000) => deliverAll(options, { most })
