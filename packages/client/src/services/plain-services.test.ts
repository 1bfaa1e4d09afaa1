import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import {
  checkUpload,
  createCsrfToken,
  createErrorHandler,
  createIdleTimer,
  createLogger,
  createRateLimits,
  createRoleManager,
  describeError,
  encodeHtml,
  isEmail,
  isPhone,
  type LogEntry,
  PermissionError,
  readConfig,
  requireValid,
  rules,
  safeUrl,
  suspicionsOf,
  uploadPath,
  ValidationError,
  validate,
  withServerFlags,
} from './index.ts'

const address = { SUPABASE_URL: 'http://localhost:54321/kronium', SUPABASE_ANON_KEY: 'key' }

describe('ConfigService', () => {
  it('K-9: the three switches are off unless they are switched on', () => {
    const off = { enableOfflineMode: false, enablePushNotifications: false, enableAnalytics: false }
    expect(readConfig(address)).toMatchObject({ ...off, isProduction: false })
    expect(readConfig({ ...address, ENABLE_ANALYTICS: '1' })).toMatchObject(off)
    expect(
      readConfig({
        VITE_SUPABASE_URL: address.SUPABASE_URL,
        VITE_SUPABASE_ANON_KEY: 'key',
        VITE_ENABLE_OFFLINE_MODE: 'true',
      }),
    ).toMatchObject({ ...off, enableOfflineMode: true })
    expect(() => readConfig({ SUPABASE_ANON_KEY: 'key' })).toThrow('SUPABASE_URL')
    expect(() => readConfig({ SUPABASE_URL: address.SUPABASE_URL })).toThrow('SUPABASE_ANON_KEY')
  })

  it('K-9: the server decides about the switches that it knows', async () => {
    const flags = { all: () => Promise.resolve({ enableAnalytics: true, somethingElse: true }) }
    const config = await withServerFlags(readConfig(address, { enableOfflineMode: true }), flags)
    expect(config).toMatchObject({ enableOfflineMode: true, enableAnalytics: true })
    expect(config).not.toHaveProperty('somethingElse')
  })
})

describe('LoggerService', () => {
  const entries: LogEntry[] = []
  beforeEach(() => entries.splice(0))

  it('K-12: entries have a level, facts, and none of the secrets among them', () => {
    const log = createLogger({ sinks: [(entry) => entries.push(entry)], now: () => 0 }).child({ user: 'ada' })
    log.debug('not shown')
    log.warn('slow', {
      milliseconds: 9,
      request: { headers: { Authorization: 'Bearer x' }, list: [{ password: 'x' }] },
    })
    log.error('failed', { error: new TypeError('broken') })
    expect(entries).toEqual([
      {
        level: 'warn',
        message: 'slow',
        at: '1970-01-01T00:00:00.000Z',
        facts: {
          user: 'ada',
          milliseconds: 9,
          request: { headers: { Authorization: '(hidden)' }, list: [{ password: '(hidden)' }] },
        },
      },
      expect.objectContaining({
        level: 'error',
        facts: { user: 'ada', error: { name: 'TypeError', message: 'broken' } },
      }),
    ])
  })

  it('K-12: work is timed, and a sink that fails stops nobody', async () => {
    const broken = () => {
      throw new Error('full')
    }
    const log = createLogger({ sinks: [broken, (entry) => entries.push(entry)] })
    expect(await log.time('load', () => Promise.resolve(7))).toBe(7)
    await expect(log.time('load', () => Promise.reject(new Error('no')))).rejects.toThrow('no')
    expect(entries.map(({ level }) => level)).toEqual(['info', 'error'])
  })
})

describe('ErrorHandler', () => {
  it('K-6: says in a sentence what people can do, whatever failed', () => {
    expect(describeError({ code: '42501', message: 'permission denied', status: 403 })).toMatchObject({
      message: 'You may not do this.',
      mayRetry: false,
    })
    expect(describeError(new TypeError('fetch failed'))).toMatchObject({
      code: 'unreachable',
      mayRetry: true,
    })
    expect(describeError(new DOMException('late', 'TimeoutError'))).toMatchObject({
      code: 'timed_out',
      mayRetry: true,
    })
    expect(describeError({ code: 'slot_taken', message: 'This slot is taken.', status: 409 })).toMatchObject({
      message: 'This slot is taken.',
    })
    expect(
      describeError({ code: 'XX000', message: 'relation "secret" is broken', status: 500 }).message,
    ).not.toContain('secret')
    expect(
      describeError({ code: 'slot_taken', status: 409, message: '' }, { slot_taken: 'Leider vergeben.' })
        .message,
    ).toBe('Leider vergeben.')
  })

  it('K-6: repeats what may succeed a moment later, three times in all, and nothing else', async () => {
    const pauses: number[] = []
    const handler = createErrorHandler({ wait: async (pause) => void pauses.push(pause) })
    let calls = 0
    const busy = () => {
      calls += 1
      return Promise.reject(Object.assign(new Error('busy'), { status: 503 }))
    }
    await expect(handler.retry(busy)).rejects.toThrow('busy')
    expect([calls, pauses.length, pauses[1]! > pauses[0]!]).toEqual([3, 2, true])
    calls = 0
    await expect(
      handler.retry(() =>
        busy().catch(() => Promise.reject(Object.assign(new Error('no'), { status: 403 }))),
      ),
    ).rejects.toThrow('no')
    expect(calls).toBe(1)
  })

  it('K-6: tells listeners and the log', () => {
    const entries: LogEntry[] = []
    const handler = createErrorHandler({ logger: createLogger({ sinks: [(entry) => entries.push(entry)] }) })
    const heard: string[] = []
    const end = handler.onError(({ code }) => heard.push(code))
    handler.handle({ code: '23505', status: 409, message: 'x' }, { screen: 'book' })
    end()
    handler.handle(new Error('bug'))
    expect(heard).toEqual(['23505'])
    expect(entries.map(({ level, facts }) => [level, facts['code']])).toEqual([
      ['warn', '23505'],
      ['error', 'unknown'],
    ])
  })
})

describe('ValidationService', () => {
  it.each([
    ['a@b.co', true],
    ['ö@müller.example', true],
    ['a@b', false],
    ['a b@c.de', false],
    ['a@b.c\n', false],
    [`${'a'.repeat(65)}@b.co`, false],
  ])('K-6: %j as an e-mail address: %s', (text, is) => {
    expect(isEmail(text)).toBe(is)
  })

  it.each([
    ['+49 (30) 123-4567', true],
    ['0301234567', true],
    ['123456', false],
    ['+1 555 call me', false],
    ['1'.repeat(16), false],
  ])('K-6: %j as a phone number: %s', (text, is) => {
    expect(isPhone(text)).toBe(is)
  })

  it('K-12: names the first rule that each field breaks, and changes nothing', () => {
    const values = { name: `O'Brien & Söhne <b>`, email: 'nope', password: 'short', price: 3, other: 'kept' }
    const schema = {
      name: [rules.required, rules.length(1, 255)],
      email: [rules.required, rules.email],
      password: [rules.password],
      price: [rules.number(0, 2)],
      phone: [rules.phone],
      role: [rules.required],
    }
    const before = structuredClone(values)
    const problems = validate(values, schema)
    expect(Object.keys(problems).sort()).toEqual(['email', 'password', 'price', 'role'])
    expect(values).toEqual(before)
    expect(() => requireValid(values, schema)).toThrow(ValidationError)
    expect(() => requireValid({ email: 'a@b.co' }, { email: [rules.email] })).not.toThrow()
  })
})

describe('SecurityService', () => {
  it('K-6: a text is encoded where it is shown, and comes back as it was written', () => {
    const name = `O'Brien & Söhne <b onclick="x">`
    expect(encodeHtml(name)).toBe('O&#39;Brien &amp; Söhne &lt;b onclick=&quot;x&quot;&gt;')
    expect(safeUrl('javascript:alert(1)')).toBe('about:blank')
    expect(safeUrl(' https://example.com/a b')).toBe('https://example.com/a%20b')
  })

  it('K-6: what looks like an attack is told for the log, and stays as it is', () => {
    expect(suspicionsOf(`x'; drop table users; --`)).toEqual(['sql'])
    expect(suspicionsOf('1 UNION SELECT password FROM users')).toEqual(['sql'])
    expect(suspicionsOf('<img src=x onerror=alert(1)>')).toEqual(['script'])
    expect(suspicionsOf(`O'Brien & Söhne`)).toEqual([])
  })

  it('K-6: calls, messages and uploads have limits of their own, and endpoints theirs; the window slides', () => {
    let now = 0
    const limits = createRateLimits(
      { api: { calls: 2, seconds: 10 }, endpoints: { '/search': { calls: 1, seconds: 5 } } },
      () => now,
    )
    expect([limits.take('api'), limits.take('api', '/users'), limits.take('api')]).toEqual([0, 0, 10])
    expect([limits.take('api', '/search'), limits.take('api', '/search')]).toEqual([0, 5])
    expect([limits.take('chat'), limits.take('upload')]).toEqual([0, 0])
    now = 10_000
    expect([limits.take('api'), limits.take('api'), limits.take('api')]).toEqual([0, 0, 10])
  })

  it('K-11: by default ten calls a minute', () => {
    const limits = createRateLimits({}, () => 0)
    expect(Array.from({ length: 12 }, () => limits.take('api')).filter((wait) => wait === 0)).toHaveLength(10)
  })

  it('K-6: a file is refused for its size, its type, and a content that is not of its type', async () => {
    const png = new Uint8Array([0x89, 0x50, 0x4e, 0x47, 1, 2, 3])
    const file = (bytes: Uint8Array<ArrayBuffer>, type: string, name = 'a.png') =>
      Object.assign(new Blob([bytes], { type }), { name })
    expect(await checkUpload(file(png, 'image/png'))).toBeNull()
    expect(await checkUpload(file(png, 'image/jpeg'))).toMatch(/not what its name says/)
    expect(await checkUpload(file(png, 'text/html'))).toMatch(/not taken/)
    expect(await checkUpload(file(png, 'image/png'), { maxBytes: 3 })).toMatch(/larger/)
    expect(await checkUpload(file(new Uint8Array(), 'image/png'))).toMatch(/empty/)
    expect(uploadPath('/chat/', { name: '../../e.vil.PNG' }, () => 'id')).toBe('chat/id.png')
    expect(uploadPath('chat', { name: 'no ending' }, () => 'id')).toBe('chat/id')
  })

  it('K-6: the CSRF token is read once, and again after a failure or a new session', async () => {
    let reads = 0
    const token = createCsrfToken(() => {
      reads += 1
      return reads === 1 ? Promise.reject(new Error('cut')) : Promise.resolve(`token ${reads}`)
    })
    await expect(token.get()).rejects.toThrow('cut')
    expect(await Promise.all([token.get(), token.get()])).toEqual(['token 2', 'token 2'])
    token.forget()
    expect(await token.get()).toBe('token 3')
  })

  describe('a session that nobody uses', () => {
    beforeEach(() => {
      vi.useFakeTimers()
    })
    afterEach(() => {
      vi.useRealTimers()
    })

    it('K-11: ends after 60 minutes', () => {
      const idle = vi.fn()
      const timer = createIdleTimer(idle)
      vi.advanceTimersByTime(59 * 60_000)
      timer.touch()
      vi.advanceTimersByTime(59 * 60_000)
      expect(idle).not.toHaveBeenCalled()
      vi.advanceTimersByTime(60_000)
      expect(idle).toHaveBeenCalledOnce()
    })
  })
})

describe('RoleManager', () => {
  const roles = createRoleManager({
    customer: { view_bookings: 'own' },
    admin: { view_bookings: 'all', manage_users: 'all' },
  })

  it('K-6: a role may what its catalogue says, as far as the scope reaches', () => {
    expect([
      roles.can('customer', 'view_bookings'),
      roles.can('customer', 'view_bookings', 'all'),
      roles.can('admin', 'view_bookings', 'all'),
    ]).toEqual([true, false, true])
    expect([
      roles.can('nobody', 'view_bookings'),
      roles.can('constructor', 'name'),
      roles.can('customer', 'toString'),
    ]).toEqual([false, false, false])
    expect(roles.permissionsOf('admin')).toEqual(['view_bookings', 'manage_users'])
    expect(() => roles.require('customer', 'manage_users')).toThrow(PermissionError)
    expect(roles.scopeOf('customer', 'view_bookings')).toBe('own')
  })
})
