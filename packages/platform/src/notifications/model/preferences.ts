import type { Channel } from './message.ts'

/** A row of preferences, by role; what is null or missing says nothing. */
export interface PreferenceRow {
  readonly topic?: string | null
  readonly email?: boolean | null
  readonly sms?: boolean | null
  readonly push?: boolean | null
  readonly in_app?: boolean | null
  readonly marketing?: boolean | null
  readonly quiet_from?: string | null
  readonly quiet_until?: string | null
  readonly zone?: string | null
  readonly locale?: string | null
}

/** What counts for whoever has said nothing (AT-34). */
export interface Defaults {
  readonly email: boolean
  readonly sms: boolean
  readonly push: boolean
  readonly in_app: boolean
  readonly marketing: boolean
  readonly quietFrom: string | undefined
  readonly quietUntil: string | undefined
  readonly zone: string
  readonly locale: string
}

/** What one person wants to get of one topic. */
export interface Wishes {
  /** Whether the channel is on for this person at all. */
  readonly channel: boolean
  /** Whether the channel is on for the topic; true where nothing is said of it. */
  readonly topic: boolean
  readonly marketing: boolean
  readonly quietFrom: string | undefined
  readonly quietUntil: string | undefined
  readonly zone: string | undefined
  readonly locale: string | undefined
}

/** Reads a person's rows: one of the topic over the general one, over the defaults. */
export function wishesOf(
  rows: readonly PreferenceRow[],
  channel: Channel,
  topic: string | null,
  defaults: Defaults,
): Wishes {
  const general = rows.find((row) => !row.topic)
  const ofTopic = topic ? rows.find((row) => row.topic === topic) : undefined
  return {
    channel: general?.[channel] ?? (ofTopic?.[channel] === true ? true : defaults[channel]),
    topic: ofTopic?.[channel] ?? true,
    marketing: ofTopic?.marketing ?? general?.marketing ?? defaults.marketing,
    quietFrom: general?.quiet_from ?? defaults.quietFrom,
    quietUntil: general?.quiet_until ?? defaults.quietUntil,
    zone: general?.zone ?? undefined,
    locale: general?.locale ?? undefined,
  }
}
