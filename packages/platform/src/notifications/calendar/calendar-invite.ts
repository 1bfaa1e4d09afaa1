import type { Attachment } from '../../messages/index.ts'

/** An appointment in somebody's calendar. */
export interface CalendarEvent {
  /**
   * The same for all versions of one appointment, and for no other: `booking-7@example.com`. Calendars replace what they
   * have under it.
   */
  readonly uid: string
  /** 0 at first, and higher with each change and with the cancellation. */
  readonly sequence: number
  readonly start: Date
  readonly end: Date
  readonly summary: string
  readonly description?: string
  readonly location?: string
  readonly url?: string
  readonly organizer: { readonly name: string; readonly email: string }
  readonly attendee?: { readonly name?: string; readonly email: string }
  /** Minutes before the start at which the calendar reminds. */
  readonly remindMinutes?: readonly number[]
  readonly cancelled?: boolean
}

/** The event as the project's clock sees it: when this version was made. */
export interface InviteOptions {
  readonly now: Date
}

/**
 * An event as an attachment that mail programs show with buttons (iTIP: RFC 5546). Times are in UTC, which every calendar
 * shows in its own zone, so that no definition of a zone can be wrong.
 */
export async function calendarInvite(event: CalendarEvent, { now }: InviteOptions): Promise<Attachment> {
  const {
    ICalAlarmType,
    ICalAttendeeRole,
    ICalAttendeeStatus,
    ICalCalendarMethod,
    ICalEventStatus,
    default: ical,
  } = await import('ical-generator')
  const { cancelled = false, attendee, remindMinutes = [] } = event
  const method = cancelled ? ICalCalendarMethod.CANCEL : ICalCalendarMethod.REQUEST
  const calendar = ical({ method, prodId: '//Plinth//Notifications//EN' })
  const entry = calendar.createEvent({
    id: event.uid,
    sequence: event.sequence,
    stamp: now,
    start: event.start,
    end: event.end,
    summary: event.summary,
    description: event.description ?? null,
    location: event.location ?? null,
    url: event.url ?? null,
    organizer: event.organizer,
    status: cancelled ? ICalEventStatus.CANCELLED : ICalEventStatus.CONFIRMED,
  })
  if (attendee)
    entry.createAttendee({
      email: attendee.email,
      ...(attendee.name ? { name: attendee.name } : {}),
      rsvp: !cancelled,
      role: ICalAttendeeRole.REQ,
      status: ICalAttendeeStatus.NEEDSACTION,
    })
  if (!cancelled)
    for (const minutes of remindMinutes)
      entry.createAlarm({ type: ICalAlarmType.display, triggerBefore: minutes * 60 })
  return {
    filename: cancelled ? 'cancelled.ics' : 'invite.ics',
    contentType: `text/calendar; charset=utf-8; method=${method}`,
    content: calendar.toString(),
  }
}
