import { type ProjectDatabase, sql } from '../database/index.ts'
import type { PersonHooks } from '../system/index.ts'

/**
 * A person's messages, preferences and devices. Erasing withdraws what waits, and removes what the platform's own tables
 * hold; rows of a system's own queue are personal columns of the system. What is suppressed stays: it is a MAC, and
 * forgetting it would begin to write to somebody who asked not to.
 */
export function notificationPersonHooks(database: ProjectDatabase): PersonHooks {
  return {
    export: async function* (person) {
      const { rows: messages } = await database.asOwner(sql`
        select d.channel, d.purpose, d.topic, d.state, d.created_at, d.sent_at, d.delivered_at, d.opened_at, d.bounced_at,
          n.template, n.variables, n.subject, n.body, n.address
        from plinth.notification_deliveries d
        left join plinth.notifications n on d.queue = 'plinth.notifications' and n.id::text = d.message
        where d.person = ${person} order by d.created_at`)
      if (messages.length > 0) yield { path: 'messages.json', content: JSON.stringify(messages, null, 2) }
      const { rows: devices } = await database.asOwner(
        sql`select kind, endpoint, created_at from public.push_subscriptions where user_id::text = ${person}`,
      )
      if (devices.length > 0) yield { path: 'devices.json', content: JSON.stringify(devices, null, 2) }
      const { rows: preferences } = await readOwnPreferences(database, person)
      if (preferences.length > 0)
        yield { path: 'notification-preferences.json', content: JSON.stringify(preferences, null, 2) }
    },
    erase: async (person, transaction) => {
      await transaction.query(sql`select plinth.erase_notifications(${person})`)
    },
  }
}

const readOwnPreferences = (database: ProjectDatabase, person: string) =>
  database.asOwner<{ preferences: unknown }>(sql`
    select preferences from plinth.notification_preferences_of(array[${person}::text])`)
