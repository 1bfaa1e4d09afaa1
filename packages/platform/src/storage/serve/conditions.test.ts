import { describe, expect, it } from 'vitest'
import { cacheControlOf, readCacheControl } from './cache-control.ts'
import { type ConditionHeaders, decideOutcome } from './conditions.ts'

const nothing: ConditionHeaders = {
  ifMatch: undefined,
  ifNoneMatch: undefined,
  ifModifiedSince: undefined,
  ifUnmodifiedSince: undefined,
  ifRange: undefined,
  range: undefined,
}
const found = { eTag: '"abc"', lastModified: new Date('2026-01-15T12:00:00.700Z'), size: 10 }
const same = 'Thu, 15 Jan 2026 12:00:00 GMT'
const earlier = 'Thu, 15 Jan 2026 11:59:59 GMT'
const outcome = (asked: Partial<ConditionHeaders>, size = 10) => {
  const decided = decideOutcome({ ...nothing, ...asked }, { ...found, size })
  return decided.kind === 'part' ? [decided.range.start, decided.range.end] : decided.kind
}

describe('conditions (RFC 9110)', () => {
  it.each<[Partial<ConditionHeaders>, unknown]>([
    [{}, 'whole'],
    [{ ifNoneMatch: '"abc"' }, 'not modified'],
    [{ ifNoneMatch: 'W/"abc", "x"' }, 'not modified'],
    [{ ifNoneMatch: '*' }, 'not modified'],
    [{ ifNoneMatch: '"x"', ifModifiedSince: same }, 'whole'],
    [{ ifModifiedSince: same }, 'not modified'],
    [{ ifModifiedSince: earlier }, 'whole'],
    [{ ifModifiedSince: 'no date' }, 'whole'],
    [{ ifMatch: '"x"' }, 'failed'],
    [{ ifMatch: '"abc"', ifUnmodifiedSince: earlier }, 'whole'],
    [{ ifUnmodifiedSince: earlier }, 'failed'],
    [{ ifUnmodifiedSince: same }, 'whole'],
    [{ range: 'bytes=0-0' }, [0, 0]],
    [{ range: 'bytes=3-' }, [3, 9]],
    [{ range: 'bytes=3-99' }, [3, 9]],
    [{ range: 'bytes=-4' }, [6, 9]],
    [{ range: 'bytes=-99' }, [0, 9]],
    [{ range: 'bytes=10-' }, 'outside'],
    [{ range: 'bytes=-0' }, 'outside'],
    [{ range: 'bytes=5-3' }, 'whole'],
    [{ range: 'bytes=0-1,4-5' }, 'whole'],
    [{ range: 'items=0-1' }, 'whole'],
    [{ range: 'bytes=-' }, 'whole'],
    [{ range: 'bytes=1-2', ifRange: '"abc"' }, [1, 2]],
    [{ range: 'bytes=1-2', ifRange: '"x"' }, 'whole'],
    [{ range: 'bytes=1-2', ifRange: same }, [1, 2]],
    [{ range: 'bytes=1-2', ifRange: earlier }, 'whole'],
    [{ range: 'bytes=1-2', ifNoneMatch: '"abc"' }, 'not modified'],
  ])('%o give %o', (asked, wanted) => {
    expect(outcome(asked)).toEqual(wanted)
  })
  it('have no range in nothing', () => {
    expect(outcome({ range: 'bytes=0-' }, 0)).toBe('outside')
    expect(outcome({ range: 'bytes=-5' }, 0)).toBe('outside')
  })
})

describe('Cache-Control', () => {
  it('is what the upload said, within what the audience allows', () => {
    expect(cacheControlOf('max-age=60', 'public')).toBe('public, max-age=60')
    expect(cacheControlOf('public, max-age=60, immutable', 'private')).toBe('private, max-age=60, immutable')
    expect(cacheControlOf('max-age=3600', 'private', 12.7)).toBe('private, max-age=12')
    expect(cacheControlOf('max-age=3600', 'private', -1)).toBe('private, max-age=0')
    expect(cacheControlOf('no-store, max-age=5', 'public')).toBe('no-store')
    expect(cacheControlOf('', 'public')).toBe('public, no-cache')
    expect(cacheControlOf('max-age=99999999999', 'public')).toBe('public, no-cache')
  })
  it('is read from headers and forms, and nothing else gets into the answer', () => {
    expect(readCacheControl('3600')).toBe('max-age=3600')
    expect(readCacheControl('max-age=1, public')).toBe('max-age=1, public')
    for (const said of [undefined, null, '', 'a\r\nb: c', 'x"y', 'x'.repeat(101)])
      expect(readCacheControl(said)).toBe('no-cache')
  })
})
