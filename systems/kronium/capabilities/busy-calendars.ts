import { messageOf } from '@plinth/platform/kernel'
import { defineCapability } from '@plinth/platform/system'
import { getPublic } from '@plinth/platform/webhooks'
import { z } from 'zod'
import type { Span } from '../availability/zone-clock.ts'
import { readBusy } from '../calendars/read-busy.ts'
import { kroniumErrors } from '../errors.ts'

/** Calendars of others by their addresses: what jobs find as `ctx.calendars`. */
export interface BusyCalendars {
  /**
   * The busy times that a calendar says of a time; null when it has not changed since the version of `etag`. Fails with
   * `calendar_unreadable`.
   */
  read(
    wanted: CalendarWanted,
  ): Promise<{ readonly busy: readonly Span[]; readonly etag: string | undefined } | null>
}

export interface CalendarWanted {
  readonly url: string
  readonly etag: string | null
  readonly within: Span
  /** Of days and times that name none. */
  readonly zone: string
  readonly signal: AbortSignal
}

const settings = z.object({
  privateAddresses: z
    .boolean()
    .default(false)
    .describe('Whether calendars may be read from private networks and from this machine.'),
  megabytes: z.number().int().min(1).max(50).default(5).describe('Longest calendar that is read.'),
})

/** Milliseconds until a calendar has to be here. */
const patience = 20_000

export const busyCalendars = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'calendars',
    settings,
    defaults,
    open: ({ settings: { privateAddresses, megabytes } }) => {
      const calendars: BusyCalendars = {
        read: async ({ url, etag, within, zone, signal }) => {
          try {
            const answer = await getPublic(url, {
              headers: { accept: 'text/calendar', ...(etag === null ? {} : { 'if-none-match': etag }) },
              mostBytes: megabytes * 1_048_576,
              privateAddresses,
              signal: AbortSignal.any([signal, AbortSignal.timeout(patience)]),
            })
            if (answer.status === 304) return null
            if (answer.status !== 200) throw new Error(`it answers ${answer.status}`)
            return { busy: await readBusy(answer.body, within, zone), etag: answer.etag }
          } catch (cause) {
            throw kroniumErrors.calendar_unreadable({ problem: messageOf(cause).slice(0, 200) }, cause)
          }
        },
      }
      return { context: () => ({ calendars }), offer: calendars }
    },
  })
