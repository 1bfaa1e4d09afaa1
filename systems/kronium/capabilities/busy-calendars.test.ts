import { expect, it } from 'vitest'
import { type BusyCalendars, busyCalendars } from './busy-calendars.ts'

const open = async (): Promise<BusyCalendars> => {
  const settings = { privateAddresses: false, megabytes: 1 }
  const { offer } = await busyCalendars().open({ settings } as never)
  return offer as BusyCalendars
}

it('a calendar on this machine is not read unless that is allowed', async () => {
  const calendars = await open()
  const reading = calendars.read({
    url: 'http://127.0.0.1:9/busy.ics',
    etag: null,
    within: { from: 0, until: 1 },
    zone: 'UTC',
    signal: new AbortController().signal,
  })
  await expect(reading).rejects.toMatchObject({ code: 'calendar_unreadable', status: 422 })
})
