import { type ProjectDatabase, sql } from '../../database/index.ts'
import { requireMailAddress, requirePhoneNumber } from '../../messages/index.ts'
import type { ClaimedMessage } from '../model/message.ts'
import { type PreferenceRow, type Wishes, wishesOf } from '../model/preferences.ts'
import { isZone } from '../model/quiet-hours.ts'
import type { DeliveryOptions } from './options.ts'
import { macOfAddress, readSuppressions, type Suppression } from './suppressions.ts'

/** Whom a message goes to, and what they want. */
export interface Recipient {
  /** Of e-mail and SMS, checked; null where the channel needs none. */
  readonly address: string | null
  /** Undefined: there is nowhere to send it. */
  readonly problem: string | undefined
  readonly wishes: Wishes
  readonly zone: string
  readonly locale: string | null
  readonly suppressed: readonly Suppression[]
}

interface Account {
  readonly id: string
  readonly email: string | null
  readonly phone: string | null
  readonly locale: string | null
  readonly zone: string | null
}

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

/** Finds out whom claimed messages of one channel go to, in three statements for all. */
export async function resolveRecipients(
  options: DeliveryOptions,
  messages: readonly ClaimedMessage[],
): Promise<ReadonlyMap<string, Recipient>> {
  const { database, suppressionKey } = options
  const people = [...new Set(messages.flatMap(({ person }) => person ?? []))].filter((id) => uuid.test(id))
  const [accounts, preferences] = await Promise.all([
    readAccounts(database, people),
    readPreferences(database, people),
  ])
  const channel = messages[0]?.channel ?? 'in_app'
  const drafts = messages.map((message) => {
    const account = accounts.get(message.person ?? '')
    const found = addressOf(message, account)
    return {
      message,
      account,
      ...found,
      mac: found.address ? macOfAddress(suppressionKey, found.address) : null,
    }
  })
  const suppressions = await readSuppressions(
    database,
    channel,
    drafts.flatMap(({ mac }) => mac ?? []),
  )
  return new Map(
    drafts.map(({ message, account, address, problem, mac }) => {
      const rows = preferences.get(message.person ?? '') ?? []
      const wishes = wishesFor(options, message, rows)
      const zone = [wishes.zone, account?.zone].find((name) => name && isZone(name)) ?? options.defaults.zone
      const locale = message.content?.locale ?? wishes.locale ?? account?.locale ?? options.defaults.locale
      const suppressed = suppressions.get(mac?.toString('hex') ?? '') ?? []
      return [message.id, { address, problem, wishes, zone, locale, suppressed }]
    }),
  )
}

/** Whoever is no user of the project has an address and no wishes: a channel that is off by default was chosen by who sends. */
function wishesFor(
  { defaults }: DeliveryOptions,
  { channel, topic, person }: ClaimedMessage,
  rows: readonly PreferenceRow[],
): Wishes {
  const wishes = wishesOf(rows, channel, topic, defaults)
  return person === null ? { ...wishes, channel: true } : wishes
}

/** A row that a client wrote goes to the addresses of the client's own account. */
function addressOf(
  { channel, trusted, content }: ClaimedMessage,
  account: Account | undefined,
): { readonly address: string | null; readonly problem: string | undefined } {
  if (channel !== 'email' && channel !== 'sms')
    return { address: null, problem: account ? undefined : 'there is no such person' }
  const given = (trusted ? content?.address : null) ?? (channel === 'email' ? account?.email : account?.phone)
  if (!given)
    return {
      address: null,
      problem: `there is no ${channel === 'email' ? 'e-mail address' : 'phone number'}`,
    }
  try {
    return {
      address: channel === 'email' ? requireMailAddress(given) : requirePhoneNumber(given),
      problem: undefined,
    }
  } catch (error) {
    return { address: null, problem: (error as Error).message }
  }
}

async function readAccounts(
  database: ProjectDatabase,
  people: readonly string[],
): Promise<ReadonlyMap<string, Account>> {
  if (people.length === 0) return new Map()
  const { rows } = await database.asOwner<Account>(sql`
    select id::text, email, phone, raw_user_meta_data ->> 'locale' as locale,
      coalesce(raw_user_meta_data ->> 'zone', raw_user_meta_data ->> 'timezone') as zone
    from auth.users where id = any (${people}::uuid[]) and deleted_at is null`)
  return new Map(rows.map((row) => [row.id, row]))
}

async function readPreferences(
  database: ProjectDatabase,
  people: readonly string[],
): Promise<ReadonlyMap<string, readonly PreferenceRow[]>> {
  if (people.length === 0) return new Map()
  const { rows } = await database.asOwner<{ person: string; preferences: PreferenceRow[] }>(
    sql`select person, preferences from plinth.notification_preferences_of(${people})`,
  )
  return new Map(rows.map(({ person, preferences }) => [person, preferences]))
}
