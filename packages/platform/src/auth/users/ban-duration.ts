import { authErrors } from '../errors.ts'

const milliseconds: Record<string, number> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  μs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
}

const part = /(\d+(?:\.\d+)?)(ns|us|µs|μs|ms|s|m|h)/g
const whole = /^(?:\d+(?:\.\d+)?(?:ns|us|µs|μs|ms|s|m|h))+$/

/** A hundred years: a ban that should never end, and still an instant that every client can read. */
const longest = 100 * 366 * 24 * 3_600_000

/**
 * When a ban of `duration` (`300ms`, `2h45m`; Go's time.ParseDuration without sign) that starts at `at` ends; null
 * for `none`, which lifts it. Fails with `validation_failed`.
 */
export function banEnd(duration: string, at: Date): Date | null {
  if (duration === 'none') return null
  if (duration.length > 64 || !whole.test(duration)) {
    throw authErrors.validation_failed({
      problem: `invalid format for ban duration: ${duration.slice(0, 64)}`,
    })
  }
  const total = [...duration.matchAll(part)].reduce(
    (sum, [, count, unit]) => sum + Number(count) * milliseconds[unit!]!,
    0,
  )
  return new Date(at.getTime() + Math.min(total, longest))
}
