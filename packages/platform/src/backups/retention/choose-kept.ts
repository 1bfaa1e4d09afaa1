/** A backup as the retention sees it. */
export interface AgedBackup {
  readonly id: string
  readonly takenAt: Date
  readonly isManual: boolean
  /** The backup before it, which an incremental one needs; null for a full one. */
  readonly needs: string | null
}

export interface Retention {
  /** Hours for which every backup is kept. */
  readonly keepSlotHours: number
  /** Days for which the last backup of each hour is kept, of each day, and months for that of each month; UTC. */
  readonly keepHourlyDays: number
  readonly keepDailyDays: number
  readonly keepMonths: number
}

const hour = 3_600_000
const day = 24 * hour

/**
 * Which of a tenant's backups stay: all of the last hours, then the last one of each hour, day and month, manual ones until
 * they are deleted, the newest always, and whatever one that stays is restored from.
 */
export function chooseKept(
  backups: readonly AgedBackup[],
  now: Date,
  retention: Retention,
): ReadonlySet<string> {
  const { keepSlotHours, keepHourlyDays, keepDailyDays, keepMonths } = retention
  const kept = new Set<string>()
  const taken = new Set<string>()
  const oldestMonth = new Date(now)
  oldestMonth.setUTCMonth(oldestMonth.getUTCMonth() - keepMonths, 1)
  oldestMonth.setUTCHours(0, 0, 0, 0)
  const newestFirst = backups.toSorted((a, b) => b.takenAt.getTime() - a.takenAt.getTime())
  for (const [place, { id, takenAt, isManual }] of newestFirst.entries()) {
    const age = now.getTime() - takenAt.getTime()
    const instant = takenAt.toISOString()
    const tiers = [
      { isOpen: age < keepHourlyDays * day, name: instant.slice(0, 13) },
      { isOpen: age < keepDailyDays * day, name: instant.slice(0, 10) },
      { isOpen: keepMonths > 0 && takenAt >= oldestMonth, name: instant.slice(0, 7) },
    ]
    const first = tiers.filter(({ isOpen, name }) => isOpen && !taken.has(name))
    for (const { name } of first) taken.add(name)
    if (place === 0 || isManual || age < keepSlotHours * hour || first.length > 0) kept.add(id)
  }
  return withNeeded(backups, kept)
}

function withNeeded(backups: readonly AgedBackup[], kept: ReadonlySet<string>): ReadonlySet<string> {
  const byId = new Map(backups.map((backup) => [backup.id, backup]))
  const all = new Set<string>()
  for (const id of kept)
    for (let at: string | null = id; at !== null && !all.has(at); at = byId.get(at)?.needs ?? null)
      all.add(at)
  return all
}
