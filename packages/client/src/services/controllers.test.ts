import { describe, expect, it, vi } from 'vitest'
import type { WatchEvent } from '../watch/watch.ts'
import { createApi } from './api-service.ts'
import { createCache } from './cache-service.ts'
import { createDashboard } from './dashboard-controller.ts'
import { createRateLimits } from './security-service.ts'
import { createSupabaseService } from './supabase-service.ts'
import { createUserController } from './user-controller.ts'

/** A server whose answers the test gives, and that remembers what it was asked. */
function createServer(answer: (request: Request) => Response | Promise<Response>) {
  const asked: Request[] = []
  const send = ((input: string, init: RequestInit) => {
    const request = new Request(input, init)
    asked.push(request.clone() as Request)
    return answer(request)
  }) as typeof fetch
  return { asked, fetch: send }
}
const base = { url: 'http://api.test/kronium/', key: 'anon' }

describe('ApiService', () => {
  it('K-2: get, post, put and delete speak JSON below the project’s address', async () => {
    const { asked, fetch } = createServer(async (request) =>
      request.method === 'DELETE'
        ? new Response(null, { status: 204 })
        : Response.json({ was: request.method }),
    )
    const auth = { getSession: () => Promise.resolve({ data: { session: { access_token: 'token' } } }) }
    const api = createApi({ ...base, fetch, client: { auth } as never })
    expect(await api.get('/users', { query: { page: 2, role: undefined, q: 'a b' } })).toEqual({ was: 'GET' })
    expect(await api.post('bookings', { body: { name: 'ü' }, idempotencyKey: 'once-once' })).toEqual({
      was: 'POST',
    })
    expect(await api.put('/users/1', { body: {} })).toEqual({ was: 'PUT' })
    expect(await api.delete('/users/1')).toBeNull()
    expect(asked.map(({ url }) => url)).toEqual([
      'http://api.test/kronium/users?page=2&q=a+b',
      'http://api.test/kronium/bookings',
      'http://api.test/kronium/users/1',
      'http://api.test/kronium/users/1',
    ])
    expect(Object.fromEntries(asked[1]!.headers)).toMatchObject({
      apikey: 'anon',
      authorization: 'Bearer token',
      'content-type': 'application/json',
      'idempotency-key': 'once-once',
    })
  })

  it('K-2: a refusal has the server’s code and message, in either envelope; a network’s failure its own', async () => {
    const answers = [
      Response.json({ error: { code: 'slot_taken', message: 'Taken.' } }, { status: 409 }),
      Response.json({ success: false, error: 'No.', code: 'not_yours' }, { status: 403 }),
      new Response('<html>', { status: 502 }),
    ]
    const { fetch } = createServer(() => answers.shift() ?? Promise.reject(new TypeError('fetch failed')))
    const api = createApi({ ...base, fetch })
    await expect(api.get('/a')).rejects.toMatchObject({ code: 'slot_taken', status: 409, message: 'Taken.' })
    await expect(api.get('/a')).rejects.toMatchObject({ code: 'not_yours', status: 403, message: 'No.' })
    await expect(api.get('/a')).rejects.toMatchObject({ code: 'unknown', status: 502 })
    await expect(api.get('/a')).rejects.toMatchObject({ code: 'unreachable', status: 0 })
  })

  it('K-2: ends after its time, and does not ask beyond its limits', async () => {
    const { asked, fetch } = createServer(
      (request) =>
        new Promise((_, reject) =>
          request.signal.addEventListener('abort', () => reject(request.signal.reason as Error)),
        ),
    )
    const api = createApi({
      ...base,
      fetch,
      timeout: 5,
      limits: createRateLimits({ api: { calls: 1, seconds: 60 } }),
    })
    await expect(api.get('/slow')).rejects.toMatchObject({ code: 'timed_out' })
    await expect(api.get('/slow')).rejects.toMatchObject({ code: 'too_many_requests', retryAfter: 60 })
    expect(asked).toHaveLength(1)
  })

  it('K-6: a session in cookies sends its CSRF token with what changes something', async () => {
    const { asked, fetch } = createServer(() => Response.json({}))
    const api = createApi({
      ...base,
      fetch,
      csrf: { get: () => Promise.resolve('t'), forget: () => undefined },
    })
    await api.get('/users')
    await api.put('/users/1', { body: {} })
    expect(asked.map(({ headers, credentials }) => [headers.get('x-csrf-token'), credentials])).toEqual([
      [null, 'include'],
      ['t', 'include'],
    ])
  })

  it('K-2: the named calls go to their endpoints, and say when there is none', async () => {
    const { asked, fetch } = createServer(() => Response.json({ ok: true }))
    const api = createApi({ ...base, fetch, endpoints: { push: '/push', payment: '/pay' } })
    await api.sendPushNotification({ title: 'x' })
    await api.processPayment({ amount: 5 }, 'key-key-key')
    await expect(api.sendEmailNotification({})).rejects.toMatchObject({ code: 'not_configured' })
    expect(asked.map(({ url, headers }) => [new URL(url).pathname, headers.get('idempotency-key')])).toEqual([
      ['/kronium/push', null],
      ['/kronium/pay', 'key-key-key'],
    ])
  })
})

describe('DashboardController', () => {
  it('K-12: shows what was read before when it cannot be read anew, and says so', async () => {
    const cache = createCache()
    await cache.cacheDashboardStats({ bookings: 1 })
    const reads = [Promise.reject(new Error('cut')), Promise.resolve({ bookings: 2 })]
    reads[0]!.catch(() => undefined)
    const dashboard = createDashboard({ read: () => reads.shift()!, cache })
    await dashboard.load()
    expect(dashboard.state).toMatchObject({ data: { bookings: 1 }, isStale: true, isLoading: false })
    await dashboard.load()
    expect(dashboard.state).toEqual({ data: { bookings: 2 }, isStale: false, isLoading: false, error: null })
    expect(await cache.get('dashboard_stats')).toEqual({ bookings: 2 })
    cache.close()
  })

  it('K-12: an answer that a later question has overtaken is not shown', async () => {
    const [first, second] = [Promise.withResolvers<object>(), Promise.withResolvers<object>()]
    const answers = [first, second]
    const dashboard = createDashboard({ read: () => answers.shift()!.promise })
    const loads = [dashboard.load({ from: 'a' }), dashboard.load({ from: 'b' })]
    second.resolve({ n: 2 })
    await loads[1]
    first.resolve({ n: 1 })
    await loads[0]
    expect(dashboard.state.data).toEqual({ n: 2 })
  })

  it('K-12: reads again after changes, once for many', async () => {
    vi.useFakeTimers()
    let reads = 0
    let change: () => void = () => undefined
    const close = vi.fn()
    const dashboard = createDashboard({ read: () => Promise.resolve({ n: ++reads }) })
    dashboard.follow([
      {
        watch: (listener) => {
          change = listener
          return { close }
        },
      },
    ])
    for (let n = 0; n < 5; n += 1) change()
    await vi.advanceTimersByTimeAsync(600)
    expect(reads).toBe(1)
    dashboard.close()
    expect(close).toHaveBeenCalledOnce()
    vi.useRealTimers()
  })
})

describe('UserController', () => {
  interface Profile {
    readonly id: string
    readonly name: string
  }
  function setUp() {
    let tell: (event: string, session: object | null) => void = () => undefined
    let show: (event: WatchEvent<Profile>) => void = () => undefined
    const signUp = vi.fn(() => Promise.resolve({ data: { session: {}, user: { id: 'ada' } }, error: null }))
    const update = vi.fn(() => Promise.resolve())
    const welcome = vi.fn(() => Promise.reject(new Error('no mail')))
    const controller = createUserController<Profile>({
      client: {
        auth: {
          signUp,
          onAuthStateChange: (callback: typeof tell) => {
            tell = callback
            return { data: { subscription: { unsubscribe: () => undefined } } }
          },
        },
      } as never,
      profiles: {
        update,
        watch: (listener: typeof show) => {
          show = listener
          return { close: () => undefined }
        },
      } as never,
      welcome,
    })
    return {
      controller,
      signUp,
      update,
      welcome,
      tell: (...given: Parameters<typeof tell>) => tell(...given),
      show: (event: WatchEvent<Profile>) => show(event),
    }
  }

  it('K-12: follows who is signed in, and their profile', async () => {
    const { controller, tell, show, update } = setUp()
    expect(controller.state).toMatchObject({ isLoading: true })
    tell('SIGNED_IN', { user: { id: 'ada' } })
    await controller.ready
    show({
      type: 'snapshot',
      rows: [
        { id: 'bob', name: 'Bob' },
        { id: 'ada', name: 'Ada' },
      ],
    })
    expect(controller.state).toEqual({ isLoading: false, userId: 'ada', profile: { id: 'ada', name: 'Ada' } })
    show({ type: 'changes', changes: [{ type: 'update', key: 'ada', row: { id: 'ada', name: 'Ada L.' } }] })
    expect(controller.state.profile?.name).toBe('Ada L.')
    await controller.updateProfile({ name: 'Countess' })
    expect(update).toHaveBeenCalledWith('ada', { name: 'Countess' })
    tell('SIGNED_OUT', null)
    await vi.waitFor(() =>
      expect(controller.state).toEqual({ isLoading: false, userId: null, profile: null }),
    )
    await expect(controller.updateProfile({ name: 'x' })).rejects.toThrow('Nobody')
  })

  it('K-10: registration checks, makes the account, welcomes; a welcome that fails undoes nothing', async () => {
    const { controller, signUp, welcome } = setUp()
    await expect(
      controller.register({ email: 'nope', password: 'long enough', name: 'Ada' }),
    ).rejects.toMatchObject({ code: 'invalid' })
    expect(signUp).not.toHaveBeenCalled()
    await controller.register({
      email: 'ada@example.test',
      password: 'long enough',
      name: `O'Brien & Söhne <b>`,
    })
    expect(signUp).toHaveBeenCalledWith({
      email: 'ada@example.test',
      password: 'long enough',
      options: { data: { name: `O'Brien & Söhne <b>` } },
    })
    expect(welcome).toHaveBeenCalledWith({
      id: 'ada',
      name: `O'Brien & Söhne <b>`,
      email: 'ada@example.test',
    })
  })
})

describe('SupabaseService', () => {
  it('K-1: each call reaches its table; a wrong file or progress reaches nothing', async () => {
    const calls: unknown[][] = []
    const repository = (name: string) =>
      new Proxy(
        {},
        {
          get:
            (_, method) =>
            (...given: unknown[]) => {
              calls.push([name, method, ...given])
              return Promise.resolve('id')
            },
        },
      ) as never
    const uploads: unknown[] = []
    const client = {
      storage: {
        from: (bucket: string) => ({
          upload: async (path: string) => {
            uploads.push([bucket, path])
            return { error: null }
          },
        }),
      },
      from: () => ({ select: () => ({ limit: () => Promise.resolve({ status: 200 }) }) }),
    }
    const service = createSupabaseService({
      client: client as never,
      users: repository('users'),
      services: repository('services'),
      bookings: repository('bookings'),
      projects: repository('projects'),
    })
    service.getUsers()
    service.getServices()
    service.getBookings()
    service.getProjects()
    await service.getUserById('1')
    await service.addUser({})
    await service.updateUser('1', {})
    await service.addService({})
    await service.updateService('1', {})
    await service.addBooking({})
    await service.updateBookingStatus('1', 'confirmed')
    await service.addProject({})
    await service.updateProjectProgress('1', 50)
    expect(calls.map(([name, method]) => `${String(name)}.${String(method)}`)).toEqual([
      'users.watch',
      'services.watch',
      'bookings.watch',
      'projects.watch',
      'users.getById',
      'users.create',
      'users.update',
      'services.create',
      'services.update',
      'bookings.create',
      'bookings.update',
      'projects.create',
      'projects.update',
    ])
    expect(calls.at(-3)).toEqual(['bookings', 'update', '1', { status: 'confirmed' }])
    await expect(service.updateProjectProgress('1', 101)).rejects.toMatchObject({ code: 'invalid' })
    await expect(service.updateProjectProgress('1', Number.NaN)).rejects.toMatchObject({ code: 'invalid' })
    const png = Object.assign(new Blob([new Uint8Array([0x89, 0x50, 0x4e, 0x47])], { type: 'image/png' }), {
      name: 'a.png',
    })
    expect(await service.uploadImage(png, 'service_images')).toMatch(/^service_images\/[\da-f-]{36}\.png$/)
    await expect(service.uploadVideo(png, 'service_videos')).rejects.toMatchObject({ code: 'invalid' })
    expect(uploads).toHaveLength(1)
    expect(await service.checkHealth()).toMatchObject({ isHealthy: true })
  })
})
