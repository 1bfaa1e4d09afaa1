import { Cron } from 'croner'
import type { CronSchedule } from './define-job.ts'

/** A schedule is caught up for at most this many ticks, however long no node ran. */
const mostTicks = 1_000

/** Ticks older than this were missed. Milliseconds. */
const punctual = 90_000

/** The moments at which `schedule` is due after `after` and not later than `until`, in order. */
export function ticksBetween(schedule: CronSchedule, after: Date, until: Date): Date[] {
  const cron = cronOf(schedule)
  const ticks: Date[] = []
  for (let tick = cron.nextRun(after); tick && tick <= until; tick = cron.nextRun(tick)) {
    ticks.push(tick)
    if (ticks.length > mostTicks) ticks.shift()
  }
  return ticks
}

/** Which of the ticks that are due run now, by the schedule's catch-up policy. */
export function ticksToRun(schedule: CronSchedule, after: Date, now: Date): Date[] {
  const due = ticksBetween(schedule, after, now)
  if (schedule.catchUp === 'all') return due
  const last = due.at(-1)
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
