import { type Case, type HttpCase, type Text, textOf } from './case.ts'
import type { Finding } from './finding.ts'
import type { FuzzReport } from './run-fuzz.ts'

/** Characters of a reproduction that are worth reading. */
const readable = 2_000

/** A run in a few lines. */
export function describeRun({
  seed,
  seconds,
  cases,
  statuses,
  longestTurn,
  memory,
  findings,
}: FuzzReport): string {
  const list = (counts: Readonly<Record<string, number>>) =>
    Object.entries(counts)
      .map(([name, count]) => `${name} ${count.toLocaleString('en')}`)
      .join(', ') || 'none'
  const megabytes = memory.map((bytes) => Math.round(bytes / 1024 / 1024))
  return [
    `${findings.length} findings in ${Math.round(seconds)} s with seed ${seed}`,
    `  cases                ${list(cases)}`,
    `  answers              ${list(statuses)}`,
    `  longest turn         ${longestTurn.toFixed(1)} ms of CPU time (allowed: 50)`,
    `  memory after rounds  ${megabytes.at(0) ?? 0} MB at first, ${megabytes.at(-1) ?? 0} MB at last`,
  ].join('\n')
}

/** A finding with the smallest thing that shows it. */
export function describeFinding({ kind, surface, detail, seed, reproduction, log }: Finding): string {
  return [
    `${kind.toUpperCase()} in ${surface}: ${detail}`,
    `  again: npm run fuzz -- --only ${surface} --seed ${seed}`,
    ...(reproduction ? [`  ${shorten(describeCase(reproduction))}`] : []),
    ...(kind === 'server error' || kind === 'process end'
      ? [`  log: ${shorten(log.trim().split('\n').at(-1) ?? '')}`]
      : []),
  ].join('\n')
}

const shorten = (text: string): string =>
  text.length <= readable ? text : `${text.slice(0, readable)}… (${text.length} characters)`

const describeCase = (played: Case): string =>
  played.kind === 'http' ? asCurl(played) : JSON.stringify(played)

function asCurl({ method, target, headers, body }: HttpCase): string {
  const quoted = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`
  const large =
    typeof target === 'object' ||
    (typeof body === 'object' && 'bytes' in body) ||
    typeof body === 'object' ||
    Object.values(headers).some((value) => typeof value === 'object')
  if (large) return JSON.stringify({ method, target, headers, body })
  const given = Object.entries(headers).map(([name, value]) => `-H ${quoted(`${name}: ${textOf(value)}`)}`)
  const sent = body === undefined ? [] : [`--data-raw ${quoted(textOf(body as Text))}`]
  return ['curl -i --path-as-is', `-X ${method}`, quoted(`$URL${textOf(target)}`), ...given, ...sent].join(
    ' ',
  )
}
