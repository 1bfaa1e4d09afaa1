/** How an answer may be kept: by everybody, or by the client alone. */
export type Audience = 'public' | 'private'

/**
 * `Cache-Control` of an answer. What an upload said of itself counts, within what the audience allows: a shared cache
 * never keeps what is not public. `mostSeconds`: a signed URL is not kept for longer than it holds.
 */
export function cacheControlOf(said: string, audience: Audience, mostSeconds = Infinity): string {
  const directives = said
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
  if (directives.includes('no-store')) return 'no-store'
  const seconds = directives
    .map((each) => /^max-age=(\d{1,9})$/.exec(each)?.[1])
    .find((each) => each !== undefined)
  if (directives.includes('no-cache') || seconds === undefined) return `${audience}, no-cache`
  const kept = Math.max(0, Math.min(Number(seconds), Math.floor(mostSeconds)))
  const immutable = directives.includes('immutable') && mostSeconds === Infinity ? ', immutable' : ''
  return `${audience}, max-age=${kept}${immutable}`
}

/** What an upload may say: a header's value, or seconds as a form's field gives them. Default `no-cache`. */
export function readCacheControl(said: string | undefined | null): string {
  const text = said?.trim() ?? ''
  if (/^\d{1,9}$/.test(text)) return `max-age=${text}`
  return /^[\w=,\s-]{1,100}$/.test(text) ? text : 'no-cache'
}
