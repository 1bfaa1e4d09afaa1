import { isLoopback } from '../../messages/index.ts'
import type { AuthSettings } from '../settings.ts'

/** Addresses that run a script, or open a file, where a browser is sent there. */
const dangerous = new Set(['javascript:', 'data:', 'vbscript:', 'file:', 'blob:', 'about:', 'view-source:'])

/** Characters that parsers of addresses disagree about. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
const ambiguous = /[\u0000-\u0020\u007f-\u009f\\]/

/**
 * Where a flow ends: the address that was asked for, if it is allowed, else `siteUrl`. Allowed are addresses of the
 * origin of `siteUrl`, those that `uriAllowList` matches, and, while the project itself is at a loopback address, any
 * loopback address.
 */
export function allowedRedirect(
  settings: Pick<AuthSettings, 'siteUrl' | 'uriAllowList'>,
  projectUrl: string,
  asked: string | undefined,
): string {
  const address = asked ? parse(asked) : undefined
  if (!address) return settings.siteUrl
  const isAllowed =
    sameOrigin(address, new URL(settings.siteUrl)) ||
    (isLoopback(new URL(projectUrl).hostname) && isWeb(address) && isLoopback(address.hostname)) ||
    settings.uriAllowList.some((pattern) => matches(pattern, address))
  return isAllowed ? address.href : settings.siteUrl
}

/** The address, unless parsers could read it differently or it names a user: `https://site@evil.example`. */
function parse(asked: string): URL | undefined {
  if (asked.length > 2000 || ambiguous.test(asked) || !URL.canParse(asked)) return undefined
  const address = new URL(asked)
  if (dangerous.has(address.protocol) || address.username !== '' || address.password !== '') return undefined
  return address
}

const isWeb = ({ protocol }: URL) => protocol === 'https:' || protocol === 'http:'

const sameOrigin = (one: URL, other: URL) =>
  one.protocol === other.protocol && one.host === other.host && (isWeb(one) || one.href === other.href)

/** As written, or by wildcards: `*` for anything but `.` and `/`, `**` for anything, `?` for one such character. */
function matches(pattern: string, { href, hash }: URL): boolean {
  const address = hash === '' ? href : href.slice(0, -hash.length)
  const plain = URL.canParse(pattern) && !/[*?]/.test(pattern) ? new URL(pattern).href : pattern
  return plain === address || plain === href || matchesGlob(tokenise(pattern), address)
}

const tokenise = (pattern: string): readonly string[] => pattern.match(/\*\*|\*|\?|[^*?]/g) ?? []

/** All places of the pattern that the text read so far can lead to; linear in both, whatever the pattern. */
function matchesGlob(pattern: readonly string[], text: string): boolean {
  let places = reach(pattern, new Set([0]))
  for (const character of text) {
    const next = new Set<number>()
    const isSeparator = character === '.' || character === '/'
    for (const place of places) {
      const token = pattern[place]
      if (token === '**' || (token === '*' && !isSeparator)) next.add(place)
      else if ((token === '?' && !isSeparator) || token === character) next.add(place + 1)
    }
    places = reach(pattern, next)
  }
  return places.has(pattern.length)
}

/** Wildcards of any length may also stand for nothing. */
function reach(pattern: readonly string[], places: Set<number>): Set<number> {
  for (const place of places) if (pattern[place] === '*' || pattern[place] === '**') places.add(place + 1)
  return places
}

/** The address with `values` in its fragment, and in its query where `inQuery` says so. */
export function withValues(
  address: string,
  values: Readonly<Record<string, string>>,
  place: 'query' | 'fragment' | 'both',
): string {
  const url = new URL(address)
  const encoded = new URLSearchParams(values).toString()
  if (place !== 'query') url.hash = encoded
  if (place !== 'fragment')
    for (const [name, value] of Object.entries(values)) url.searchParams.set(name, value)
  return url.href
}
