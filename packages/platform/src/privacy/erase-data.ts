import pg from 'pg'
import { type OwnerSession, type Transaction, toQuery } from '../database/index.ts'
import type { PersonHooks, TenantHooks } from '../system/index.ts'
import { privacyErrors } from './errors.ts'
import type { OwnedTable, PersonalTable } from './owned-tables.ts'

/** What was done to one table. */
export interface ErasedRows {
  readonly table: string
  readonly rows: number
}

/**
 * Deletes a tenant's rows, those that refer to others first, with what the hooks remove beside them; in one transaction
 * or not at all. Fails with `erasure_refused`.
 */
export const eraseTenantRows = (
  session: OwnerSession,
  tenant: string,
  tables: readonly OwnedTable[],
  hooks: readonly TenantHooks[],
): Promise<readonly ErasedRows[]> =>
  inOneTransaction(session, `erase tenant ${tenant}`, async (transaction) => {
    for (const hook of hooks) await hook.erase?.(tenant, transaction)
    const erased: ErasedRows[] = []
    for (const { sql, name, column } of tables) {
      const { rowCount } = await session.query(`delete from ${sql} where ${column}::text = $1`, [tenant])
      erased.push({ table: name, rows: rowCount ?? 0 })
    }
    return erased
  })

/** What a personal text that may not be NULL becomes. */
const erasedText = '(erased)'

/**
 * Takes what is personal out of the rows that name the person; the rows stay, because they are others' business as well:
 * an order, a booking. Personal columns become NULL, or `(erased)` where a text is required.
 */
export const erasePersonRows = (
  session: OwnerSession,
  person: string,
  tables: readonly PersonalTable[],
  hooks: readonly PersonHooks[],
): Promise<readonly ErasedRows[]> =>
  inOneTransaction(session, 'erase a person', async (transaction) => {
    for (const hook of hooks) await hook.erase?.(person, transaction)
    const erased: ErasedRows[] = []
    for (const { sql, name, column, personal } of tables) {
      const values = personal.map((each) => `${each.sql} = ${emptied(each)}`).join(', ')
      const { rowCount } = await session.query(`update ${sql} set ${values} where ${column}::text = $1`, [
        person,
      ])
      erased.push({ table: name, rows: rowCount ?? 0 })
    }
    return erased
  })

function emptied({ sql, nullable, isText }: PersonalTable['personal'][number]): string {
  if (nullable) return 'null'
  return isText ? `'${erasedText}'` : sql
}

async function inOneTransaction<T>(
  session: OwnerSession,
  reason: string,
  work: (transaction: Transaction) => Promise<T>,
): Promise<T> {
  const transaction: Transaction = {
    query: (statement) => {
      const { text, values } = toQuery(statement)
      return session.query(text, values)
    },
  }
  try {
    return await session.transaction({ reason }, () => work(transaction))
  } catch (error) {
    throw error instanceof pg.DatabaseError
      ? privacyErrors.erasure_refused({ problem: error.message }, error)
      : error
  }
}
