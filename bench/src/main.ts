/** Runs the benches that are named, or all, and prints their figures: `npm run bench -- start rest --json`. */
import type { Bench, Figure } from './figure.ts'

const benches: Readonly<Record<string, () => Promise<Bench>>> = {
  start: async () => (await import('./start/bench-start.ts')).benchStart,
  backups: async () => (await import('./backups/bench-backups.ts')).benchBackups,
  rest: async () => (await import('./rest/bench-rest.ts')).benchRest,
  courses: async () => (await import('./courses/bench-courses.ts')).benchCourses,
  eyemotion: async () => (await import('./eyemotion/bench-eyemotion.ts')).benchEyemotion,
  import: async () => (await import('./import/bench-import.ts')).benchImport,
  certificates: async () => (await import('./certificates/bench-certificates.ts')).benchCertificates,
  holds: async () => (await import('./holds/bench-holds.ts')).benchHolds,
  kronium: async () => (await import('./kronium/bench-kronium.ts')).benchKronium,
  notifications: async () => (await import('./notifications/bench-notifications.ts')).benchNotifications,
  orders: async () => (await import('./orders/bench-orders.ts')).benchOrders,
  payments: async () => (await import('./payments/bench-payments.ts')).benchPayments,
  tail: async () => (await import('./tail/bench-tail.ts')).benchTail,
  rewind: async () => (await import('./rewind/bench-rewind.ts')).benchRewind,
  services: async () => (await import('./services/bench-services.ts')).benchServices,
  shops: async () => (await import('./shops/bench-shops.ts')).benchShops,
  realtime: async () => (await import('./realtime/bench-realtime.ts')).benchRealtime,
  storage: async () => (await import('./storage/bench-storage.ts')).benchStorage,
}

const given = process.argv.slice(2)
const asJson = given.includes('--json')
const names = given.filter((word) => !word.startsWith('--'))
const unknown = names.filter((name) => !Object.hasOwn(benches, name))

if (unknown.length > 0) {
  process.stderr.write(
    `There is no bench ${unknown.join(', ')}; there are: ${Object.keys(benches).join(', ')}.\n`,
  )
  process.exit(2)
}

for (const [name, load] of Object.entries(benches)) {
  if (names.length > 0 && !names.includes(name)) continue
  if (!asJson) print(`\n${name}\n${columns(['figure', 'value', 'ratio', 'against', 'goal'])}`)
  for await (const figure of (await load())())
    print(asJson ? JSON.stringify(figure) : columns(cellsOf(figure)))
}

function cellsOf({ name, value, unit, ratio, against, goal }: Figure): string[] {
  return [
    name,
    `${round(value)} ${unit}`,
    ratio === null ? '' : `${round(ratio)} ×`,
    against ?? '',
    goal ?? '',
  ]
}

function columns(cells: readonly string[]): string {
  const widths = [52, 18, 9, 44, 0]
  return `  ${cells.map((cell, index) => cell.padEnd(widths[index] ?? 0)).join(' ')}`.trimEnd()
}

/** Three significant digits, and none lost before the point. */
function round(value: number): string {
  return Math.abs(value) >= 100
    ? Math.round(value).toLocaleString('en')
    : String(Number(value.toPrecision(3)))
}

function print(line: string): void {
  process.stdout.write(`${line}\n`)
}
