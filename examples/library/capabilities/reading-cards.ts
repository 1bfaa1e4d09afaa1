import { randomInt } from 'node:crypto'
import { type ProjectDatabase, sql, userCaller } from '@plinth/platform/database'
import { defineJob } from '@plinth/platform/jobs'
import { secret } from '@plinth/platform/settings'
import { defineCapability, offerKey } from '@plinth/platform/system'
import { z } from 'zod'

/** What handlers find as `ctx.cards`. */
interface Cards {
  /** Gives a reader a new card and forgets the old one. */
  issue(userId: string): Promise<string>
}

export const cardsOffer = offerKey<Cards>('cards')

const settings = z.object({
  prefix: z
    .string()
    .regex(/^[A-Z]{2,5}$/)
    .default('CARD')
    .describe('How card numbers begin.'),
  scannerKey: secret(z.string().min(16)).optional().describe('What a scanner at the door has to send.'),
})

const schema = `
  create table plinth.reading_cards (
    number text primary key,
    user_id uuid not null unique,
    used_at timestamptz not null default plinth.now()
  );
  comment on table plinth.reading_cards is 'Numbers by which a scanner recognises readers.';
  alter table plinth.reading_cards enable row level security;`

/** Numbers on cards, which a scanner at the door sends instead of a token. */
export const readingCards = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'cards',
    settings,
    defaults,
    migrations: async () => ({
      name: 'cards',
      migrations: [{ name: '001_reading_cards.sql', sql: schema, checksum: schema }],
    }),
    open: ({ database, settings: { prefix, scannerKey } }) => {
      const cards: Cards = { issue: (userId) => issueCard(database, prefix, userId) }
      return {
        context: () => ({ cards }),
        offer: cards,
        // A card opens what its scopes name, through routes only; the scanner proves itself by its key.
        callers: [
          {
            name: 'reading card',
            identify: async (request) => {
              const number = request.header('x-reading-card')
              if (!number || !scannerKey || request.header('x-scanner-key') !== scannerKey) return null
              const userId = await findReader(database, number)
              return userId ? { ...userCaller(userId), permissions: ['books:borrow'] } : null
            },
          },
        ],
        jobs: [forgetUnusedCards(database)],
        personHooks: {
          export: async function* (person) {
            const { rows } = await database.asOwner(
              sql`select number, used_at from plinth.reading_cards where user_id::text = ${person}`,
            )
            if (rows.length > 0) yield { path: 'reading-cards.json', content: JSON.stringify(rows) }
          },
          erase: async (person, transaction) => {
            await transaction.query(sql`delete from plinth.reading_cards where user_id::text = ${person}`)
          },
        },
        health: [{ name: 'cards', check: () => ({ status: scannerKey ? 'ok' : 'degraded' }) }],
      }
    },
  })

async function issueCard(database: ProjectDatabase, prefix: string, userId: string): Promise<string> {
  const number = `${prefix}-${randomInt(10 ** 9, 10 ** 10)}`
  await database.asOwner(sql`
    insert into plinth.reading_cards (number, user_id) values (${number}, ${userId})
    on conflict (user_id) do update set number = excluded.number, used_at = excluded.used_at`)
  return number
}

async function findReader(database: ProjectDatabase, number: string): Promise<string | undefined> {
  const { rows } = await database.asOwner<{ user_id: string }>(sql`
    update plinth.reading_cards set used_at = plinth.now() where number = ${number} returning user_id`)
  return rows[0]?.user_id
}

const forgetUnusedCards = (database: ProjectDatabase) =>
  defineJob({
    name: 'forget-unused-cards',
    summary: 'Forgets cards that nobody has shown for two years.',
    schedule: { line: '0 4 1 * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({}),
    concurrency: 1,
    run: async ({ clock }) => {
      const oldest = new Date(clock.now().getTime() - 730 * 86_400_000)
      await database.asOwner(sql`delete from plinth.reading_cards where used_at < ${oldest}`)
    },
  })
