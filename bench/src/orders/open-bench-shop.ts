import { randomUUID } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { readAuthMigrations } from '@plinth/platform/auth'
import { type Caller, type ProjectDatabase, sql, userCaller } from '@plinth/platform/database'
import { readHoldsMigrations } from '@plinth/platform/holds'
import { shops } from '@plinth/shops'
import { openBenchDatabase } from '../open-bench-database.ts'

/** A shop with hot items on a PostgreSQL of its own, durable as in production. */
export interface BenchShop {
  readonly database: ProjectDatabase
  readonly owner: Caller
  readonly shopId: string
  /** Makes as many products as asked for, with so many units each. */
  stock(count: number, units: number): Promise<readonly string[]>
  close(): Promise<void>
}

export async function openBenchShop(): Promise<BenchShop> {
  const sets = [readAuthMigrations(), readHoldsMigrations(), shops.migrations()]
  const { database, close } = await openBenchDatabase('shops', sets)
  const [userId, shopId] = [randomUUID(), randomUUID()]
  await database.asOwner(sql`insert into auth.users (id, email) values (${userId}, 'owner@example.test')`)
  await database.asOwner(
    sql`insert into public.shops (id, name, owner_id) values (${shopId}, 'Bench', ${userId})`,
  )
  return {
    database,
    owner: userCaller(userId),
    shopId,
    stock: async (count, units) => {
      const { rows } = await database.asOwner<{ id: string }>(
        sql`insert into public.items (shop_id, name, stock)
            select ${shopId}, 'Item ' || n, ${units} from generate_series(1, ${count}) n returning id`,
      )
      return rows.map(({ id }) => id)
    },
    close,
  }
}

/** Lays what orders are compared with beside the items that there are now. */
export async function layBareStock({ database }: BenchShop): Promise<void> {
  for (const file of ['bare-stock.sql', 'by-hand.sql'])
    await database.asOwner({ text: await readFile(new URL(`./${file}`, import.meta.url), 'utf8') })
}
