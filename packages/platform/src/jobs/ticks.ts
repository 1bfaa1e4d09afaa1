import { Cron } from 'croner'
import type { CronSchedule } from './define-job.ts'

/** A schedule is caught up for at most this many ticks, however long no node ran. */
const mostTicks = 1_000

/** Ticks older than this were missed. Milliseconds. */
const punctual = 90_000

const day = 86_400_000

/**
 * The last moments, `most` of them, at which `schedule` was due after `after` and not later than `until`, in order.
 * Looked for from the end: of years of missed minutes nobody wants to count all.
 */
export function ticksBetween(schedule: CronSchedule, after: Date, until: Date, most = mostTicks): Date[] {
  const cron = cronOf(schedule)
  for (let days = 1; ; days *= 4) {
    const from = new Date(Math.max(after.getTime(), until.getTime() - days * day))
    const ticks = ticksFrom(cron, from, until)
    if (ticks.length >= most || from.getTime() === after.getTime()) return ticks.slice(-most)
  }
}

function ticksFrom(cron: Cron, from: Date, until: Date): Date[] {
  const ticks: Date[] = []
  for (let tick = cron.nextRun(from); tick && tick <= until; tick = cron.nextRun(tick)) ticks.push(tick)
  return ticks
}

/** Which of the ticks that are due run now, by the schedule's catch-up policy. */
export function ticksToRun(schedule: CronSchedule, after: Date, now: Date): Date[] {
  if (schedule.catchUp === 'all') return ticksBetween(schedule, after, now)
  const [last] = ticksBetween(schedule, after, now, 1)
  if (!last) return []
  const missed = now.getTime() - last.getTime() > punctual
  return schedule.catchUp === 'skip' && missed ? [] : [last]
}

/** The next moment at which `schedule` is due. */
export function nextTick(schedule: CronSchedule, after: Date): Date | undefined {
  return cronOf(schedule).nextRun(after) ?? undefined
}

/** Fails on a line or zone that means nothing; five fields, so that a line cannot ask for every second. */
function cronOf({ line, zone = 'UTC' }: CronSchedule): Cron {
  return new Cron(line, { timezone: zone, paused: true, mode: '5-part' })
}
