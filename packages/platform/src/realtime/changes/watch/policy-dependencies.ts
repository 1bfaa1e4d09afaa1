import { readFile } from 'node:fs/promises'
import type { ProjectDatabase } from '../../../database/index.ts'

/** What decides, beside a row itself, whether it may be seen. */
export interface PolicyDependencies {
  /** OIDs of the tables that policies read. */
  readonly tables: readonly number[]
  /** By OID of the table and of those: what differs when its columns, rights or policies change. */
  readonly states: Readonly<Record<string, string>>
  /** True when it depends on something that does not come by in the stream: the time, a function, another table. */
  readonly isOpaque: boolean
}

const describeDependenciesSql = await readFile(
  new URL('../../sql/describe-dependencies.sql', import.meta.url),
  'utf8',
)

export async function readDependencies(
  database: ProjectDatabase,
  table: number,
): Promise<PolicyDependencies> {
  const { rows } = await database.asOwner<{ dependencies: PolicyDependencies }>({
    text: describeDependenciesSql,
    values: [table],
  })
  return rows[0]!.dependencies
}

/** The present states of tables, by OID. */
export async function readStates(
  database: ProjectDatabase,
  tables: readonly number[],
): Promise<ReadonlyMap<string, string>> {
  const { rows } = await database.asOwner<{ id: string; state: string }>({
    name: 'plinth_table_states_by_id',
    text: 'select id::text, state from realtime.table_states($1)',
    values: [tables],
  })
  return new Map(rows.map(({ id, state }) => [id, state]))
}
