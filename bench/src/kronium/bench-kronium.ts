import { randomUUID } from 'node:crypto'
import { kronium } from '@plinth/kronium'
import { sql } from '@plinth/platform/database'
import { createProjectDirectory, createUpgrades, listen } from '@plinth/platform/http'
import { createLog } from '@plinth/platform/kernel'
import { alone, type Figure, median } from '../figure.ts'
import { type BenchProject, openBenchProject } from '../services/open-bench-project.ts'

const day = 86_400_000
const places = 20
const bookings = 10_000
const rooms = 500
const messages = 200

interface Person {
  readonly id: string
  readonly token: string
}

/** Free times of a busy month, a rush on one of them, the endpoints beside rest, and a chat with many rooms open. */
export async function* benchKronium(): AsyncIterable<Figure> {
  const bench = await openBenchProject(kronium, 1)
  try {
    const admin = await makePerson(bench, 'admin')
    const service = await makeBusyMonth(bench)
    yield* measureSlots(bench, service)
    yield* measureRush(bench)
    yield* measureEndpoints(bench, admin)
    yield* measureChat(bench, admin)
  } finally {
    await bench.close()
  }
}

const projectOf = ({ nodes }: BenchProject) => nodes[0]!

const makePerson = async (bench: BenchProject, role = 'customer'): Promise<Person> =>
  (await makePeople(bench, 1, role))[0]!

async function makePeople(bench: BenchProject, count: number, role = 'customer'): Promise<Person[]> {
  const { database, keys } = projectOf(bench)
  const ids = Array.from({ length: count }, () => randomUUID())
  await database.asOwner(
    sql`insert into auth.users (id, email) select id, id || '@bench.test' from unnest(${ids}::uuid[]) id`,
  )
  await database.asOwner(
    sql`update public.users set role = ${role} where id = any (${ids}) and role <> ${role}`,
  )
  const now = Math.floor(Date.now() / 1000)
  const claims = { role: 'authenticated', aud: 'authenticated', iat: now, exp: now + 3_600 }
  return Promise.all(ids.map(async (id) => ({ id, token: await keys.sign({ ...claims, sub: id }) })))
}

async function ask(bench: BenchProject, path: string, person?: Person, more: RequestInit = {}) {
  const headers = {
    apikey: projectOf(bench).keys.anonKey,
    ...(person ? { authorization: `Bearer ${person.token}` } : {}),
    ...(more.body ? { 'content-type': 'application/json' } : {}),
    ...more.headers,
  }
  return bench.app.request(`/kronium${path}`, { ...more, headers })
}

/** A service of twenty people, open day and night, with ten thousand bookings within a month. */
async function makeBusyMonth(bench: BenchProject): Promise<string> {
  const { database } = projectOf(bench)
  const service = randomUUID()
  await database.asOwner(sql`
    insert into public.opening_hours ("scheduleId", weekday, opens, closes)
    select id, d, 0, 1440 from public.schedules, generate_series(1, 7) d where "isDefault"`)
  await database.asOwner(
    sql`insert into public.services (id, title, duration, "slotStep", "minimumNotice") values (${service}, 'Busy', 30, 30, 0)`,
  )
  await database.asOwner(
    sql`insert into public.resources (name) select 'Person ' || n from generate_series(1, ${places}) n`,
  )
  await database.asOwner(
    sql`insert into public.service_resources ("serviceId", "resourceId") select ${service}, id from public.resources`,
  )
  const perPlace = bookings / places
  // Holds and rows as the trigger makes them, in one statement each: ten thousand inserts are not what is measured.
  const first = new Date(Math.ceil(Date.now() / day) * day)
  await database.transactionAsOwner(async ({ query }) => {
    await query(sql`alter table public.bookings disable trigger user`)
    await query(sql`
      insert into public.bookings (id, "serviceName", "serviceId", "resourceId", date, "endsAt", timezone, status)
      select gen_random_uuid(), 'Busy', ${service}, r.id, t.at, t.at + interval '30 minutes', 'UTC', 'confirmed'
      from public.resources r, generate_series(0, ${perPlace - 1}) n,
        lateral (select ${first}::timestamptz + n * interval '1 hour' as at) t`)
    await query(sql`alter table public.bookings enable trigger user`)
    await query(sql`
      insert into plinth.holds (kind, thing, key, quantity, expires_at, claimed, during, blocks)
      select 'slot', b."resourceId", b.id::text, 1, 'infinity', ${service}, tstzrange(b.date, b."endsAt"), tstzrange(b.date, b."endsAt")
      from public.bookings b where b."serviceId" = ${service}`)
    await query(sql`select 1`)
  })
  await database.asOwner({ text: 'analyze public.bookings' })
  await database.asOwner({ text: 'analyze plinth.holds' })
  return service
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now()
  await work()
  return performance.now() - began
}

async function repeated(work: () => Promise<unknown>, times = 30, warm = 5): Promise<number[]> {
  const taken: number[] = []
  for (let round = -warm; round < times; round += 1) {
    const milliseconds = await timed(work)
    if (round >= 0) taken.push(milliseconds)
  }
  return taken
}

const p95 = (values: readonly number[]): number =>
  values.toSorted((a, b) => a - b)[Math.ceil(values.length * 0.95) - 1]!

async function* measureSlots(bench: BenchProject, service: string): AsyncIterable<Figure> {
  const from = new Date(Math.ceil(Date.now() / day) * day).toISOString().slice(0, 10)
  const to = new Date(Date.parse(from) + 29 * day).toISOString().slice(0, 10)
  let found = 0
  const taken = await repeated(async () => {
    const answer = await ask(bench, `/services/${service}/slots?from=${from}&to=${to}&zone=America/New_York`)
    const { data } = (await answer.json()) as { data: { slots: unknown[] } }
    found = data.slots.length
  })
  if (found < 100) throw new Error(`Only ${found} slots are free.`)
  yield alone(
    `kronium: free slots of a month, ${places} people, ${bookings} bookings, the whole request`,
    median(taken),
    'ms',
    '< 10 ms',
  )
}

async function* measureRush(bench: BenchProject): AsyncIterable<Figure> {
  const people = await makePeople(bench, 100)
  const latencies: number[] = []
  for (let round = 0; round < 5; round += 1) {
    const service = randomUUID()
    await projectOf(bench).database.asOwner(
      sql`insert into public.services (id, title, "minimumNotice") values (${service}, ${`Rush ${round}`}, 0)`,
    )
    const date = new Date(Math.ceil(Date.now() / day) * day + (round + 3) * day).toISOString()
    const statuses = await Promise.all(
      people.map(async (person) => {
        const began = performance.now()
        const answer = await ask(bench, '/bookings', person, {
          method: 'POST',
          body: JSON.stringify({ serviceId: service, date }),
        })
        await answer.arrayBuffer()
        if (round > 0) latencies.push(performance.now() - began)
        return answer.status
      }),
    )
    const won = statuses.filter((status) => status === 201).length
    if (won !== 1 || statuses.some((status) => status !== 201 && status !== 409))
      throw new Error(`${won} of a hundred got the slot: ${statuses.join(' ')}`)
  }
  yield alone('kronium: 100 clients for one slot, one of them gets it, p95', p95(latencies), 'ms', '< 100 ms')
}

async function* measureEndpoints(bench: BenchProject, admin: Person): AsyncIterable<Figure> {
  const { database } = projectOf(bench)
  await database.asOwner(
    sql`insert into public.services (title) select 'Service ' || n from generate_series(1, 200) n`,
  )
  await database.asOwner(
    sql`insert into public.projects (title, "customerId") select 'Project ' || n, ${admin.id} from generate_series(1, 500) n`,
  )
  const { rows } = await database.asOwner<{ project: string; service: string }>(
    sql`select (select min(id::text) from public.projects) as project, (select min(id::text) from public.services where title like 'Service%') as service`,
  )
  const { project, service } = rows[0]!
  const count = { headers: { prefer: 'count=exact' } }
  const put = (body: object) => ({ method: 'PUT', body: JSON.stringify(body) })
  const patch = (body: object) => ({
    method: 'PATCH',
    body: JSON.stringify(body),
    headers: { prefer: 'return=representation' },
  })
  const recent = 'order=createdAt.desc,id&limit=20'
  const pairs: readonly (readonly [string, string, RequestInit, string, RequestInit])[] = [
    ['GET /services', '/services', {}, `/rest/v1/services?${recent}`, count],
    ['GET /users', '/users', {}, `/rest/v1/users?${recent}`, count],
    ['GET /users/:id', `/users/${admin.id}`, {}, `/rest/v1/users?id=eq.${admin.id}`, {}],
    ['GET /bookings', '/bookings', {}, '/rest/v1/bookings?order=date.desc,id&limit=20', count],
    ['GET /projects', '/projects', {}, `/rest/v1/projects?${recent}`, count],
    [
      'PUT /users/:id',
      `/users/${admin.id}`,
      put({ name: 'x' }),
      `/rest/v1/users?id=eq.${admin.id}`,
      patch({ name: 'x' }),
    ],
    [
      'PUT /services/:id',
      `/services/${service}`,
      put({ price: 3 }),
      `/rest/v1/services?id=eq.${service}`,
      patch({ price: 3 }),
    ],
    [
      'PUT /projects/:id',
      `/projects/${project}`,
      put({ location: 'x' }),
      `/rest/v1/projects?id=eq.${project}`,
      patch({ location: 'x' }),
    ],
  ]
  // The limit of calls counts by user; the bench asks more often than anybody may.
  for (const [name, path, given, restPath, restGiven] of pairs) {
    const run = async (at: string, request: RequestInit) => {
      const answer = await ask(bench, at, admin, request)
      if (!answer.ok && answer.status !== 206)
        throw new Error(`${name}: ${answer.status} ${await answer.text()}`)
      await answer.arrayBuffer()
    }
    const [own, rest]: [number[], number[]] = [[], []]
    for (let round = 0; round < 24; round += 1) {
      const ours = await timed(() => run(path, given))
      const theirs = await timed(() => run(restPath, restGiven))
      if (round < 4) continue
      own.push(ours)
      rest.push(theirs)
    }
    yield {
      name: `kronium: ${name}`,
      value: median(own),
      unit: 'ms',
      ratio: median(rest) / median(own),
      against: 'the same query through rest',
      goal: 'ratio ≥ 0.7',
    }
  }
}

async function* measureChat(bench: BenchProject, admin: Person): AsyncIterable<Figure> {
  const { database, keys } = projectOf(bench)
  const customers = (await makePeople(bench, rooms)).map((person) => ({ ...person, room: randomUUID() }))
  await database.asOwner(sql`
    insert into public.chat_rooms (id, "customerId")
    select r, p from unnest(${customers.map(({ room }) => room)}::uuid[], ${customers.map(({ id }) => id)}::uuid[]) c (r, p)`)
  await database.asOwner(sql`update private.limits set value = 100000 where name = 'messagesPerMinute'`)
  const log = createLog('error')
  const directory = createProjectDirectory([projectOf(bench)])
  const listening = await listen({
    app: bench.app,
    host: '127.0.0.1',
    port: 0,
    onUpgrade: createUpgrades({ directory, log }),
  })
  const heard = new Map<string, (at: number) => void>()
  const sockets = await Promise.all(
    customers.map((customer) => follow(listening.port, keys.anonKey, customer, heard)),
  )
  const latencies: number[] = []
  for (let index = 0; index < messages; index += 1) {
    const { room } = customers[(index * 37) % rooms]!
    const text = randomUUID()
    const arrived = new Promise<number>((resolve, reject) => {
      const late = setTimeout(() => reject(new Error('A message did not come.')), 60_000)
      heard.set(text, (at) => {
        clearTimeout(late)
        resolve(at)
      })
    })
    const began = performance.now()
    const answer = await ask(bench, `/chat/rooms/${room}/messages`, admin, {
      method: 'POST',
      body: JSON.stringify({ message: text }),
    })
    if (answer.status !== 201) throw new Error(`${answer.status} ${await answer.text()}`)
    latencies.push((await arrived) - began)
  }
  for (const socket of sockets) socket.close()
  await listening.stop(1_000)
  yield alone(
    `kronium: a chat message to the other’s screen with ${rooms} rooms open, p95`,
    p95(latencies),
    'ms',
    '< 50 ms',
  )
}

/** A customer's screen: joins the messages of their room as supabase-js does. */
async function follow(
  port: number,
  key: string,
  { room, token }: { readonly room: string; readonly token: string },
  heard: Map<string, (at: number) => void>,
): Promise<WebSocket> {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/kronium/realtime/v1/websocket?apikey=${key}&vsn=1.0.0`)
  await new Promise((resolve, reject) => {
    socket.onopen = resolve
    socket.onerror = reject
  })
  const joined = new Promise<void>((resolve, reject) => {
    socket.onmessage = ({ data }) => {
      const { event, payload } = JSON.parse(String(data))
      if (event === 'system' && payload.status === 'ok') resolve()
      if (event === 'system' && payload.status === 'error') reject(new Error(payload.message))
      if (event === 'postgres_changes') heard.get(payload.data.record.message)?.(performance.now())
    }
  })
  const change = {
    event: 'INSERT',
    schema: 'public',
    table: 'chat_messages',
    filter: `chatRoomId=eq.${room}`,
  }
  socket.send(
    JSON.stringify({
      topic: `realtime:room-${room}`,
      event: 'phx_join',
      ref: '1',
      join_ref: '1',
      payload: {
        access_token: token,
        config: { broadcast: {}, presence: { key: '' }, postgres_changes: [change] },
      },
    }),
  )
  await joined
  return socket
}
