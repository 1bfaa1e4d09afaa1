import { createHmac } from 'node:crypto'
import { type ProjectDatabase, type Statement, sql } from '../../database/index.ts'

export interface Suppression {
  readonly scope: 'all' | 'marketing'
  readonly reason: 'bounce' | 'complaint' | 'unsubscribe' | 'manual'
}

/** An address as the list of suppressions keeps it; letter case of mail addresses makes no difference. */
export const macOfAddress = (key: Buffer, address: string): Buffer =>
  createHmac('sha256', key).update(address.trim().toLowerCase()).digest()

/** What each of these addresses does not get, by its MAC in hexadecimal. */
export async function readSuppressions(
  database: ProjectDatabase,
  channel: string,
  macs: readonly Buffer[],
): Promise<ReadonlyMap<string, readonly Suppression[]>> {
  const found = new Map<string, Suppression[]>()
  if (macs.length === 0 || (channel !== 'email' && channel !== 'sms')) return found
  const { rows } = await database.asOwner<Suppression & { mac: string }>(sql`
    select encode(address_mac, 'hex') as mac, scope, reason from plinth.notification_suppressions
    where channel = ${channel} and address_mac = any (${macs}::bytea[])`)
  for (const { mac, scope, reason } of rows) found.set(mac, [...(found.get(mac) ?? []), { scope, reason }])
  return found
}

/** A bounce weighs more than what was there before. */
export const suppress = (
  channel: 'email' | 'sms',
  mac: Buffer,
  { scope, reason }: Suppression,
  since: Date,
): Statement => sql`
  insert into plinth.notification_suppressions as known (channel, address_mac, scope, reason, since)
  values (${channel}, ${mac}, ${scope}, ${reason}, ${since})
  on conflict (channel, address_mac, scope) do update set reason = excluded.reason, since = excluded.since
  where excluded.reason = 'bounce' and known.reason <> 'bounce'`
