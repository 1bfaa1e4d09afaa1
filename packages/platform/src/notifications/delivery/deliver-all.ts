import { type Channel, channels } from '../model/message.ts'
import { deliverChannel } from './deliver-channel.ts'
import type { DeliveryOptions } from './options.ts'

export interface DeliverAllOptions {
  /** Most messages that are taken. Default 100. */
  readonly most?: number
  readonly signal?: AbortSignal
}

/** Messages sent by channel, and those that were given up. */
export interface DeliveredCounts {
  readonly email: number
  readonly sms: number
  readonly push: number
  readonly inApp: number
  readonly failed: number
  readonly cancelled: number
}

/** Delivers what is due in all channels: everything urgent before anything that is less so. */
export async function deliverAll(
  options: DeliveryOptions,
  { most = 100, signal }: DeliverAllOptions = {},
): Promise<DeliveredCounts> {
  const sent: Record<Channel, number> = { email: 0, sms: 0, push: 0, in_app: 0 }
  let [left, failed, cancelled] = [most, 0, 0]
  for (const leastPriority of [0, 1, 2, 3]) {
    for (const channel of channels) {
      if (left <= 0) break
      const run = { channel, leastPriority, most: left, ...(signal ? { signal } : {}) }
      const { counts } = await deliverChannel(options, run)
      left -= counts.sent + counts.failed + counts.cancelled + counts.waiting
      sent[channel] += counts.sent
      failed += counts.failed
      cancelled += counts.cancelled
    }
  }
  return { email: sent.email, sms: sent.sms, push: sent.push, inApp: sent.in_app, failed, cancelled }
}
