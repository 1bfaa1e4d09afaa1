import { type Caller, type ProjectDatabase, type Statement, sql } from '@plinth/platform/database'
import { readProjectMigrations } from '@plinth/platform/project'
import { type actor, type TestDatabaseOptions, useTestDatabase } from '@plinth/testing'
import type { QueryResultRow } from 'pg'
import { shops } from '../system.ts'

/** A database of the shop system for the test file; of the same template as useSystem's, which is migrated once a run. */
export const useShopDatabase = (options: Pick<TestDatabaseOptions, 'connections'> = {}) =>
  useTestDatabase({
    system: 'shops',
    migrations: readProjectMigrations(shops).then((sets) => sets.slice(1)),
    queue: true,
    ...options,
  })

type Person = ReturnType<typeof actor>

interface Line {
  readonly productId: unknown
  readonly quantity: unknown
  readonly unitPrice?: unknown
}

/** Makes an account for each person; one that exists stays. */
export async function signUp(database: ProjectDatabase, ...people: readonly Person[]): Promise<void> {
  for (const { userId, claims } of people) {
    await database.asOwner(
      sql`insert into auth.users (id, email) values (${userId}, ${claims.email}) on conflict do nothing`,
    )
  }
}

/** A shop of `owner`, who gets an account. */
export async function openShop(database: ProjectDatabase, owner: Person): Promise<string> {
  await signUp(database, owner)
  return value(
    database,
    owner,
    sql`insert into public.shops (name, owner_id) values ('Corner shop', ${owner.userId}) returning id`,
  )
}

/** A product with units on the shelf. */
export async function addProduct(
  database: ProjectDatabase,
  shopId: string,
  name: string,
  stock: number,
): Promise<string> {
  return value(
    database,
    null,
    sql`insert into public.items (shop_id, name, retail_price, stock)
        values (${shopId}, ${name}, 2.5, ${stock}) returning id`,
  )
}

export const order = (
  shopId: string,
  number: string,
  lines: unknown,
  status = 'Pending',
): Statement => sql`insert into public.form_submissions (shop_id, submission_id, status, ordered_products)
  values (${shopId}, ${number}, ${status}, ${JSON.stringify(lines)}::jsonb) returning id`

export const setStatus = (shopId: string, number: string, status: string): Statement =>
  sql`update public.form_submissions set status = ${status} where shop_id = ${shopId} and submission_id = ${number}`

export const line = (productId: string, quantity: number, unitPrice: number | string = 2.5): Line => ({
  productId,
  quantity,
  unitPrice,
})

/** The only column of the only row; as the owner of the database when no caller is given. */
export async function value<T>(
  database: ProjectDatabase,
  caller: Caller | null,
  statement: Statement,
): Promise<T> {
  const { rows } = caller
    ? await database.asCaller<QueryResultRow>(caller, statement)
    : await database.asOwner<QueryResultRow>(statement)
  return Object.values(rows[0] ?? {})[0] as T
}

/** Units of one item as the ledger and the pool see them. */
interface Level {
  readonly stock: number
  readonly held: number
  readonly available: number
}

/** Levels of items, in the order given. */
export async function levelsOf(
  database: ProjectDatabase,
  shopId: string,
  ids: readonly string[],
): Promise<Level[]> {
  const { rows } = await database.asOwner<Level & { item_id: string }>(
    sql`select item_id, stock, held, available from public.get_item_availability(${shopId}, ${ids})`,
  )
  return ids.map((id) => {
    const { stock, held, available } = rows.find((row) => row.item_id === id)!
    return { stock, held, available }
  })
}

/** Whatever is wrong with the books of all shops: an empty list, or the test has found a hole. */
export async function findDrift(database: ProjectDatabase): Promise<readonly QueryResultRow[]> {
  const { rows } = await database.asOwner(sql`
    select i.name, i.stock, books.total, books.last, p.on_hand, p.held, holds.total as holds
    from public.items i
    left join plinth.pools p on p.kind = 'stock' and p.thing = i.id
    cross join lateral (
      select coalesce(sum(change), 0) as total, (array_agg(new_stock order by seq desc))[1] as last
      from public.stock_history h where h.shop_id = i.shop_id and h.item_id = i.id
    ) books
    cross join lateral (
      select coalesce(sum(quantity), 0) as total from plinth.holds h where h.kind = 'stock' and h.thing = i.id
    ) holds
    where i.item_type = 'product' and (
      i.stock <> books.total or i.stock <> coalesce(books.last, 0)
      or p.on_hand is distinct from i.stock + i.backorder_limit or p.held <> holds.total)`)
  return rows
}

/** The code that SQL gave a refusal, with its SQLSTATE: `insufficient_stock PT409`. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const { code, detail, constraint } = error as { code?: string; detail?: string; constraint?: string }
    if (detail?.startsWith('{')) return `${(JSON.parse(detail) as { code: string }).code} ${code}`
    return [constraint, code].filter(Boolean).join(' ')
  }
  return 'nothing was refused'
}
