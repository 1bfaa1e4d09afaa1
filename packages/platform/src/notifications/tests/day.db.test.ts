import { randomUUID } from 'node:crypto'
import { createRandom } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { expect, it } from 'vitest'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { deriveKey } from '../../kernel/index.ts'
import { HandoverError } from '../../messages/index.ts'
import { deliverChannel } from '../delivery/deliver-channel.ts'
import { type Notification, notificationsOffer } from '../index.ts'
import { channels as allChannels, type Channel } from '../model/message.ts'
import { endOfQuiet } from '../model/quiet-hours.ts'
import { messagesSystem } from './messages-system.ts'
import { deliveryOptions } from './open-delivery.ts'
import { simulateSendGrid } from './providers/sendgrid.ts'

const isLong = process.env['PLINTH_TEST_LONG'] !== undefined
const recipients = isLong ? 10_000 : 120
const minutesOfStep = isLong ? 5 : 20
/** Until quiet hours of the evening are over in every zone. */
const minutesOfDay = 31 * 60
const random = createRandom(2_026)
const sendgrid = simulateSendGrid('SG.key')

/** The day on which clocks of Europe go forward. */
const dayBegins = new Date('2026-03-29T00:00:00Z')
const zones = [
  'America/Los_Angeles',
  'America/Sao_Paulo',
  'Europe/Berlin',
  'Asia/Kolkata',
  'Asia/Bangkok',
  'Australia/Lord_Howe',
]

interface Person {
  readonly id: string
  readonly email: string
  readonly phone: string
  readonly zone: string
  readonly isQuiet: boolean
  readonly wantsMarketing: boolean
  readonly takesMail: boolean
  readonly bounces: boolean
}

const people: readonly Person[] = Array.from({ length: recipients }, (_, index) => ({
  id: randomUUID(),
  email: `person-${index}@example.com`,
  phone: `+49151${String(1_000_000 + index)}`,
  zone: zones[random(zones.length)]!,
  isQuiet: random(2) === 0,
  wantsMarketing: random(3) === 0,
  takesMail: random(10) !== 0,
  bounces: random(20) === 0,
}))
const personOf = new Map(people.map((person) => [person.id, person]))

const system = useSystem(messagesSystem(), {
  now: dayBegins.toISOString(),
  environment: { PLINTH_SAMPLE_NOTIFICATIONS_SENDGRID_WEBHOOK_KEY: sendgrid.publicKey },
})

/** A worker that is killed once it has done so many things: nothing that it does afterwards happens. */
function mortal(database: ProjectDatabase, life: number) {
  let left = life
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    left -= 1
    if (left < 0) throw new Error('killed')
    const result = await work()
    if (left === 0) throw new Error('killed')
    return result
  }
  const guarded: ProjectDatabase = {
    ...database,
    asOwner: (statement) => step(() => database.asOwner(statement)),
    transactionAsOwner: (work) => step(() => database.transactionAsOwner(work)),
  }
  return { database: guarded, step, isDead: () => left <= 0 }
}

interface Sent {
  readonly key: string
  readonly at: Date
}

it('a day: each message arrives once, when it may, for whoever wants it', async () => {
  await prepare()
  await queueDay()
  const mails = new Map<string, Sent & { readonly to: string; readonly subject: string }>()
  const texts: (Sent & { readonly to: string })[] = []
  let mailTries = 0
  const { clock, database } = system
  /** Of ten hand-overs, one is refused for now. */
  const stumble = () => {
    mailTries += 1
    if (mailTries % 10 === 0) throw new HandoverError('later', 'busy')
  }
  // Two workers are killed in the middle of the day; others go on.
  const deaths = [recipients * 2, recipients * 3]
  let workers = deaths.map((life) => mortal(database, life))
  let killed = 0
  const work = async (worker: ReturnType<typeof mortal>) => {
    const { step } = worker
    const options = deliveryOptions(
      { database: worker.database, clock },
      {
        backOff: { attempts: 10, firstPause: 60_000 },
        suppressionKey: deriveKey(Buffer.alloc(32, 7), 'notifications/suppressions'),
        mail: {
          name: 'sendgrid',
          send: (mail) =>
            step(async () => {
              stumble()
              mails.set(mail.key, { key: mail.key, at: clock.now(), to: mail.to, subject: mail.subject })
              return { id: mail.key }
            }),
        },
        sms: {
          name: 'twilio',
          send: ({ key, to }) =>
            step(async () => {
              texts.push({ key, to, at: clock.now() })
              return { id: key }
            }),
        },
      },
    )
    try {
      for (const channel of allChannels) await deliverChannel(options, { channel })
    } catch (error) {
      if ((error as Error).message !== 'killed') throw error
      killed += 1
    }
  }
  const reported = new Set<string>()
  for (let minute = 0; minute <= minutesOfDay; minute += minutesOfStep) {
    clock.set(new Date(dayBegins.getTime() + minute * 60_000))
    await Promise.all(workers.map(work))
    workers = workers.map((worker) => (worker.isDead() ? mortal(database, Number.POSITIVE_INFINITY) : worker))
    await reportBounces(mails, reported)
  }
  expect(killed).toBe(2)
  await compare(mails, texts)
}, 900_000)

async function prepare(): Promise<void> {
  await system.database.asOwner(sql`
    insert into auth.users (id, email, phone)
    select * from unnest(${people.map(({ id }) => id)}::uuid[], ${people.map(({ email }) => email)}::text[], ${people.map(({ phone }) => phone)}::text[])`)
  const rows = people.map((person) => ({
    user_id: person.id,
    topic: '',
    email: person.takesMail ? null : false,
    marketing: person.wantsMarketing ? true : null,
    quiet_from: person.isQuiet ? '21:00' : null,
    quiet_until: person.isQuiet ? '08:00' : null,
    zone: person.zone,
  }))
  await system.database.asOwner(sql`
    insert into public.notification_preferences
    select * from jsonb_populate_recordset(null::public.notification_preferences, ${JSON.stringify(rows)})`)
}

/** A booking, a reminder by SMS, an in-app message and an offer for everybody, at times spread over the day. */
function messagesFor(person: Person, index: number): Notification[] {
  const at = (hours: number) => new Date(dayBegins.getTime() + hours * 3_600_000 + (index % 60) * 60_000)
  const to = { person: person.id }
  return [
    {
      to,
      channels: ['email'],
      template: 'booking-confirmed',
      variables: { service: 'Cut' },
      at: at(index % 12),
    },
    { to, channels: ['sms'], body: 'In an hour', at: at(index % 20) },
    { to, channels: ['in_app'], subject: 'News', body: 'b', at: at(3) },
    { to, channels: ['email'], template: 'offer', at: at(14) },
  ]
}

async function queueDay(): Promise<void> {
  const messages = system.project.offer(notificationsOffer)
  const all = people.flatMap((person, index) =>
    messagesFor(person, index).map((each, n) => ({ ...each, dedupeKey: `${person.id}/${n}` })),
  )
  expect(await messages.sendMany(all, 'day')).toMatchObject({ queued: recipients * 4 })
  // A caller that died and calls again.
  expect(await messages.sendMany(all.slice(0, 100), 'day')).toMatchObject({ queued: 0 })
}

/** SendGrid says which mails bounced, each report twice. */
async function reportBounces(
  mails: ReadonlyMap<string, { readonly to: string; readonly key: string }>,
  reported: Set<string>,
): Promise<void> {
  const bounced = new Set(people.flatMap(({ bounces, email }) => (bounces ? [email] : [])))
  const fresh = [...mails.values()].filter(({ to, key }) => bounced.has(to) && !reported.has(key))
  if (fresh.length === 0) return
  for (const { key } of fresh) reported.add(key)
  const events = fresh.map(({ key, to }) => ({
    event: 'bounce',
    type: 'bounce',
    email: to,
    timestamp: Math.floor(system.clock.now().getTime() / 1000),
    sg_event_id: `bounce-${key}`,
    plinth_id: key,
  }))
  const { body, headers } = sendgrid.events([...events, ...events], system.clock.now())
  const path = '/notifications/callbacks/sendgrid'
  const answer = await system.request(path, { method: 'POST', body, headers })
  expect(answer).toMatchObject({ status: 200, body: { stored: events.length } })
}

async function compare(
  mails: ReadonlyMap<string, Sent & { readonly to: string; readonly subject: string }>,
  texts: readonly (Sent & { readonly to: string })[],
): Promise<void> {
  const { rows } = await system.database.asOwner<{
    id: string
    channel: Channel
    person: string
    state: string
    topic: string | null
    due: string
    problem: string | null
  }>(sql`
    select d.id, d.channel, d.person, d.state, n.template as topic, n.scheduled_for as due, d.problem
    from plinth.notification_deliveries d join plinth.notifications n on n.id::text = d.message`)
  const expectedMails: string[] = []
  const byText = new Map(texts.map((text) => [text.key, text]))
  let [lostTexts, inApp] = [0, 0]
  for (const row of rows) {
    const person = personOf.get(row.person)!
    const due = new Date(row.due)
    const quietEnd = person.isQuiet
      ? endOfQuiet({ from: '21:00', until: '08:00', zone: person.zone }, due)
      : due
    if (row.channel === 'in_app') {
      inApp += 1
      expect(row.state).toBe('sent')
    } else if (row.channel === 'sms') {
      const text = byText.get(row.id)
      if (row.state === 'failed') lostTexts += 1
      else expect(text?.at.getTime()).toBeGreaterThanOrEqual(quietEnd.getTime())
    } else {
      const isOffer = row.topic === 'offer'
      const wanted = person.takesMail && (!isOffer || (person.wantsMarketing && !person.bounces))
      expect({ ...row, wanted: row.state === 'sent' }).toMatchObject({ wanted })
      if (!wanted) continue
      expectedMails.push(row.id)
      expect(mails.get(row.id)!.at.getTime()).toBeGreaterThanOrEqual((isOffer ? quietEnd : due).getTime())
    }
  }
  expect(expectedMails.length).toBeGreaterThan(recipients)
  expect([...mails.keys()].sort()).toEqual(expectedMails.sort())
  // Each number got its SMS once; those that two workers died with are said to be unknown.
  expect(new Set(texts.map(({ to }) => to)).size).toBe(texts.length)
  expect(lostTexts).toBeLessThanOrEqual(20)
  expect(texts.length).toBeGreaterThanOrEqual(recipients - lostTexts)
  const { rows: written } = await system.database.asOwner<{ n: number }>(
    sql`select count(distinct user_id)::int as n from public.in_app_notifications`,
  )
  expect([inApp, written[0]!.n]).toEqual([recipients, recipients])
}
