import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { SupabaseClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, connectAsService, must, signUp } from './clients.ts'
import { startFlakyProxy } from './flaky-proxy.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

const awkward = `O'Brien & Söhne <b>`
const patient = { timeout: 20_000 }
let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
let kronium: SystemStatus
let admin: SupabaseClient
beforeAll(async () => {
  data = await createDataDir()
  plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['kronium', '--demo'] })
  kronium = plinth.systems.kronium!
  admin = connect(kronium)
  must(await admin.auth.signInWithPassword({ email: 'admin@kronium.example', password: 'demo-admin-2026' }))
}, 300_000)
afterAll(async () => {
  await admin.removeAllChannels()
  await plinth.stop()
  await data.remove()
})

interface Told {
  readonly status: number
  // biome-ignore lint/suspicious/noExplicitAny: whatever came
  readonly body: any
  readonly headers: Headers
}

/** A request as an app without any library makes it. */
async function ask(method: string, path: string, token?: string, body?: object): Promise<Told> {
  const answer = await fetch(`${kronium.api_url}${path}`, {
    method,
    headers: {
      ...(token ? { authorization: `Bearer ${token}` } : {}),
      ...(body ? { 'content-type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await answer.text()
  return { status: answer.status, body: text === '' ? null : JSON.parse(text), headers: answer.headers }
}

const tokenOf = async (client: SupabaseClient) => must(await client.auth.getSession()).session!.access_token

describe('kronium, as its apps use it', () => {
  it('the tour of its page works as written', async () => {
    const page = await readFile(new URL('../../docs/kronium.md', import.meta.url), 'utf8')
    const tour = /```sh\n([\s\S]*?)```/.exec(page)![1]!
    for (const line of tour
      .trim()
      .split('\n')
      .filter((each) => each.startsWith('curl'))) {
      const setup = tour.split('\n').find((each) => each.startsWith('TOKEN='))!
      const script = `set -eu; KRONIUM='${kronium.api_url}'; ${line.includes('$TOKEN') ? `${setup}; ` : ''}${line}`
      const { stdout } = await promisify(execFile)('bash', ['-c', script])
      const { success, data: shown } = JSON.parse(stdout)
      expect([line, success]).toEqual([line, true])
      expect((shown.items ?? shown.slots).length, line).toBeGreaterThan(0)
    }
  })

  it('registration by plain fetch: account, profile, welcome, session (K-10)', async () => {
    const email = `new-${randomUUID().slice(0, 8)}@example.test`
    const made = await ask('POST', '/auth/register', undefined, {
      email,
      password: 'a long password',
      name: awkward,
    })
    expect([made.status, made.body.data.user.name]).toEqual([201, awkward])
    const token = made.body.data.session.access_token
    expect((await ask('GET', `/users/${made.body.data.user.id}`, token)).body.data.simpleId).toMatch(
      /^AAA\d{5}$/,
    )
    const inbox = async () =>
      (
        await fetch(`${kronium.api_url}/inbox/messages?recipient=${email}`, {
          headers: { apikey: kronium.service_role_key },
        })
      ).text()
    await expect.poll(inbox, patient).toContain('Your number with us is')
    expect(await inbox()).not.toContain('<b></')
    expect(
      (await ask('POST', '/auth/login', undefined, { email, password: 'a wrong password' })).status,
    ).toBe(400)
  })

  it('booking with supabase-js and with fetch: one slot, live on the screen, a mail (K-7, K-10)', async () => {
    const ada = await signUp(kronium, 'ada')
    const ben = await signUp(kronium, 'ben')
    const [service] = must(
      await admin
        .from('services')
        .insert({ title: `Live ${randomUUID()}`, createsProject: true, minimumNotice: 0 })
        .select('id'),
    )
    const found = await ask('GET', `/book/${service!.id}/slots?zone=Asia/Tokyo`)
    const { date } = found.body.data.slots[0]
    const seen: string[] = []
    const channel = ada.client
      .channel('bookings')
      .on('postgres_changes', { event: '*', schema: 'public', table: 'bookings' }, ({ new: row }) =>
        seen.push((row as { status: string }).status),
      )
    await new Promise<void>((resolve) => channel.subscribe((status) => status === 'SUBSCRIBED' && resolve()))
    const tokens = await Promise.all([ada, ben].map(({ client }) => tokenOf(client)))
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, index) =>
        ask('POST', '/bookings', tokens[index % 2], { serviceId: service!.id, date, notes: awkward }),
      ),
    )
    const won = answers.filter(({ status }) => status === 201)
    expect([won.length, answers.filter(({ body }) => body.code === 'slot_taken').length]).toEqual([1, 9])
    const booking = won[0]!.body.data
    const direct = await ben.client.from('bookings').insert({ serviceId: service!.id, date })
    expect(direct.error?.message).toContain('taken')
    must(await admin.from('bookings').update({ status: 'confirmed' }).eq('id', booking.id).select('id'))
    const winner = booking.customerId === ada.userId ? ada : ben
    if (winner === ada) await expect.poll(() => seen, patient).toContain('confirmed')
    const { data: projects } = await winner.client
      .from('projects')
      .select('bookingId, description')
      .eq('bookingId', booking.id)
    expect(projects).toEqual([{ bookingId: booking.id, description: awkward }])
    const mails = async () =>
      (
        await fetch(`${kronium.api_url}/inbox/messages?recipient=${winner.email}`, {
          headers: { apikey: kronium.service_role_key },
        })
      ).text()
    await expect.poll(mails, patient).toContain('is confirmed')
    await ada.client.removeAllChannels()
  })

  it('chat between two people, one of whom loses the connection: nothing lost, nothing twice, in one order (K-7)', async () => {
    const ada = await signUp(kronium, 'chatty')
    const room = must(await ada.client.rpc('open_my_room')) as { id: string }
    const proxy = await startFlakyProxy(kronium.api_url)
    const phone = connect({ ...kronium, api_url: proxy.url })
    must(await phone.auth.signInWithPassword({ email: ada.email, password: ada.password }))
    /** As an app sends on a bad network: the same client id until there is an answer. */
    const send = async (client: SupabaseClient, text: string) => {
      const clientId = randomUUID()
      for (;;) {
        const { error } = await client.rpc('send_message', {
          p_room: room.id,
          p_message: text,
          p_client_id: clientId,
        })
        if (!error) return
        if (error.code) throw new Error(error.message)
      }
    }
    let cuts = 0
    const cutter = setInterval(() => {
      cuts += proxy.cut()
    }, 30)
    await Promise.all([
      (async () => {
        for (let index = 0; index < 15; index += 1) await send(phone, `phone ${index}`)
      })(),
      (async () => {
        for (let index = 0; index < 15; index += 1) await send(admin, `desk ${index}`)
      })(),
    ])
    clearInterval(cutter)
    expect(cuts).toBeGreaterThan(0)
    const listed = must(
      await ada.client
        .from('chat_messages')
        .select('seq, message, senderType')
        .eq('chatRoomId', room.id)
        .order('seq'),
    )
    expect(listed.map(({ seq }) => seq)).toEqual(Array.from({ length: 30 }, (_, index) => index + 1))
    for (const [who, type] of [
      ['phone', 'customer'],
      ['desk', 'admin'],
    ] as const)
      expect(listed.filter(({ senderType }) => senderType === type).map(({ message }) => message)).toEqual(
        Array.from({ length: 15 }, (_, index) => `${who} ${index}`),
      )
    // Who was away asks for what came since.
    const since = await ask('GET', `/chat/rooms/${room.id}/messages?after=25`, await tokenOf(ada.client))
    expect(since.body.data.items.map(({ seq }: { seq: number }) => seq)).toEqual([26, 27, 28, 29, 30])
    await proxy.close()
  })

  it('a stranger with the public key gets nothing but what everybody sees', async () => {
    const stranger = connect(kronium)
    for (const table of [
      'users',
      'bookings',
      'projects',
      'chat_rooms',
      'chat_messages',
      'absences',
      'external_calendars',
      'activity_events',
    ]) {
      const { data: rows, error } = await stranger.from(table).select('*')
      expect([table, rows ?? [], error !== null || rows?.length === 0]).toEqual([table, [], true])
    }
    expect((await stranger.from('resources').select('userId')).error).not.toBeNull()
    expect(must(await stranger.from('services').select('id')).length).toBeGreaterThan(0)
    expect(must(await connectAsService(kronium).from('users').select('id')).length).toBeGreaterThan(3)
  })
})
