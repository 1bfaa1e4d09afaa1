import { describe, expect, it, test } from 'vitest'
import { pauseAfter } from './back-off.ts'
import { decide, type Question } from './decide.ts'
import { contentOf } from './message.ts'
import { type Defaults, type PreferenceRow, wishesOf } from './preferences.ts'

const defaults: Defaults = {
  email: true,
  sms: false,
  push: true,
  in_app: true,
  marketing: false,
  quietFrom: undefined,
  quietUntil: undefined,
  zone: 'UTC',
  locale: 'en',
}
const night = { quiet_from: '22:00', quiet_until: '07:00' }

type Asked = Partial<Omit<Question, 'wishes'>> & {
  readonly rows?: readonly PreferenceRow[]
  readonly topic?: string
}
const ask = ({ rows = [], topic, ...rest }: Asked) => {
  const { channel = 'email' } = rest
  return decide({
    channel,
    purpose: 'transactional',
    priority: 2,
    suppressed: [],
    zone: 'UTC',
    now: new Date('2026-01-15T23:00:00Z'),
    ...rest,
    wishes: wishesOf(rows, channel, topic ?? null, defaults),
  }).kind
}

test('AT-34: whoever has said nothing gets what the defaults say', () => {
  expect(ask({})).toBe('send')
  expect(ask({ channel: 'in_app' })).toBe('send')
  expect(ask({ channel: 'sms' })).toBe('cancel')
  expect(ask({ purpose: 'marketing' })).toBe('cancel')
  expect(ask({ rows: [{ email: null, marketing: null }] })).toBe('send')
})

describe('wishes', () => {
  it('switch a channel off, whatever it is for but security', () => {
    const rows = [{ email: false, marketing: true }]
    expect(ask({ rows })).toBe('cancel')
    expect(ask({ rows, purpose: 'alert', priority: 0 })).toBe('cancel')
    expect(ask({ rows, purpose: 'marketing' })).toBe('cancel')
    expect(ask({ rows, purpose: 'security' })).toBe('send')
  })

  it('are more exact for a topic', () => {
    const rows = [
      { email: true, sms: null },
      { topic: 'news', email: false, sms: true, marketing: true },
    ]
    expect(ask({ rows, topic: 'news' })).toBe('cancel')
    expect(ask({ rows, topic: 'bookings' })).toBe('send')
    expect(ask({ rows, topic: 'news', channel: 'sms' })).toBe('send')
    expect(ask({ rows: [{ sms: false }, rows[1]!], topic: 'news', channel: 'sms' })).toBe('cancel')
  })

  it('for marketing are those of the topic, else the general one', () => {
    expect(ask({ rows: [{ marketing: true }], purpose: 'marketing' })).toBe('send')
    expect(
      ask({
        rows: [{ marketing: true }, { topic: 'a', marketing: false }],
        topic: 'a',
        purpose: 'marketing',
      }),
    ).toBe('cancel')
    expect(ask({ rows: [{ marketing: false }], purpose: 'transactional' })).toBe('send')
  })
})

test('quiet hours hold back what rings and what advertises, unless it is urgent', () => {
  const rows = [{ ...night, sms: true, marketing: true }]
  expect(ask({ rows, channel: 'sms' })).toBe('wait')
  expect(ask({ rows, channel: 'push' })).toBe('wait')
  expect(ask({ rows, purpose: 'marketing' })).toBe('wait')
  expect(ask({ rows })).toBe('send')
  expect(ask({ rows, channel: 'in_app' })).toBe('send')
  expect(ask({ rows, channel: 'sms', priority: 0 })).toBe('send')
  expect(ask({ rows, channel: 'sms', now: new Date('2026-01-15T12:00:00Z') })).toBe('send')
})

test('a suppressed address gets nothing, or no marketing', () => {
  const bounce = [{ scope: 'all', reason: 'bounce' }] as const
  const complaint = [{ scope: 'all', reason: 'complaint' }] as const
  const gone = [{ scope: 'marketing', reason: 'unsubscribe' }] as const
  expect(ask({ suppressed: bounce })).toBe('cancel')
  expect(ask({ suppressed: bounce, purpose: 'security' })).toBe('cancel')
  expect(ask({ suppressed: complaint })).toBe('cancel')
  expect(ask({ suppressed: complaint, purpose: 'security' })).toBe('send')
  expect(ask({ suppressed: gone })).toBe('send')
  expect(ask({ suppressed: gone, purpose: 'marketing', rows: [{ marketing: true }] })).toBe('cancel')
})

test('pauses grow fivefold, within a fifth, up to six hours, and end with the last attempt', () => {
  const backOff = { attempts: 3, firstPause: 60_000 }
  expect([0, 0.5, 1].map((random) => pauseAfter(1, backOff, random))).toEqual([48_000, 60_000, 72_000])
  expect(pauseAfter(2, backOff, 0.5)).toBe(300_000)
  expect(pauseAfter(3, backOff)).toBeUndefined()
  expect(pauseAfter(19, { ...backOff, attempts: 20 }, 0.5)).toBe(6 * 3_600_000)
})

test('what a row has no column for comes from its data', () => {
  const content = contentOf({
    subject: '',
    body: 'b',
    data: { title: 't', template: 'x', locale: 7, variables: [1] },
  })
  expect(content).toMatchObject({
    subject: 't',
    body: 'b',
    template: 'x',
    locale: '7',
    variables: {},
    html: null,
  })
})
