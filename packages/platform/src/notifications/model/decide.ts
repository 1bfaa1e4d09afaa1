import type { Channel, Purpose } from './message.ts'
import type { Wishes } from './preferences.ts'
import { endOfQuiet } from './quiet-hours.ts'

/** What is asked before a message goes out. */
export interface Question {
  readonly channel: Channel
  readonly purpose: Purpose
  /** 0 urgent to 3 low. */
  readonly priority: number
  readonly wishes: Wishes
  /** Why the address gets nothing, or no marketing. */
  readonly suppressed: readonly { readonly scope: 'all' | 'marketing'; readonly reason: string }[]
  /** Of the person, else the project's. */
  readonly zone: string
  readonly now: Date
}

export type Decision =
  | { readonly kind: 'send' }
  | { readonly kind: 'cancel'; readonly reason: string }
  | { readonly kind: 'wait'; readonly until: Date }

/**
 * Whether a message may go out now. Security passes everything but an address that bounces. Transactional mail and
 * alerts respect the channel and the topic that somebody switched off; marketing also needs to be wanted. What rings (SMS,
 * push) and marketing wait for the end of quiet hours, unless it is urgent.
 */
export function decide(question: Question): Decision {
  const { channel, purpose, priority, wishes, suppressed, zone, now } = question
  const [block] = suppressed.filter(
    ({ scope, reason }) =>
      (scope === 'all' && (purpose !== 'security' || reason === 'bounce')) ||
      (scope === 'marketing' && purpose === 'marketing'),
  )
  if (block) return cancel(`the address is suppressed: ${block.reason}`)
  if (purpose === 'security') return { kind: 'send' }
  if (!wishes.channel) return cancel(`the person has ${channel} switched off`)
  if (!wishes.topic) return cancel(`the person has the topic switched off`)
  if (purpose === 'marketing' && !wishes.marketing) return cancel('the person wants no marketing')
  const rings = channel === 'sms' || channel === 'push' || purpose === 'marketing'
  const { quietFrom: from, quietUntil: until } = wishes
  if (!rings || priority === 0 || from === undefined || until === undefined) return { kind: 'send' }
  const end = endOfQuiet({ from, until, zone }, now)
  return end > now ? { kind: 'wait', until: end } : { kind: 'send' }
}

const cancel = (reason: string): Decision => ({ kind: 'cancel', reason })
