import type pg from 'pg'
import { closedColumn, type StagedTable } from './stage-tables.ts'

/** What a personal text that may not be NULL becomes, as an erasure writes it. */
const erasedText = '(erased)'

/**
 * Who was erased stays erased: where a personal value could not be opened, the row of today gives it; a row that is not
 * there any more comes back as the erasure would have left it. Rows whose column can be neither null nor a text are left
 * out. Gives how many were.
 */
export async function keepErased(client: pg.Client, staged: readonly StagedTable[]): Promise<number> {
  let left = 0
  for (const { table, stage, columns } of staged) {
    const personal = columns.filter(({ name }) => table.personal.includes(name))
    if (personal.length === 0) continue
    const same = table.key.map(({ sql }) => `s.${sql} = t.${sql}`).join(' and ')
    const hard = personal.filter(({ isNullable, isText }) => !isNullable && !isText)
    if (hard.length > 0) {
      const { rowCount } = await client.query(
        `delete from ${stage} s where s.${closedColumn} and not exists (select from ${table.sql} t where ${same})`,
      )
      left += rowCount ?? 0
    }
    // Of a column that can be neither, only rows are left that are there today and give their value below.
    const empty = personal
      .filter(({ isNullable, isText }) => isNullable || isText)
      .map(({ sql, isNullable }) => `${sql} = ${isNullable ? 'null' : `'${erasedText}'`}`)
    if (empty.length > 0)
      await client.query(`update ${stage} s set ${empty.join(', ')} where s.${closedColumn}`)
    const today = personal.map(({ sql }) => `${sql} = t.${sql}`).join(', ')
    await client.query(
      `update ${stage} s set ${today} from ${table.sql} t where s.${closedColumn} and ${same}`,
    )
  }
  return left
}
