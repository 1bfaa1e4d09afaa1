import pg from 'pg'
import { rewindErrors } from './errors.ts'
import type { ForeignKey, RewindTableShape } from './read-tables.ts'
import { sameKey } from './restore-rows.ts'

/**
 * Looks at the rows that came and at those that referred to rows that went: the cost grows with what was undone. Rows
 * of other tables that are referred to are held on to, as a foreign key does it.
 */
export async function checkForeignKey(
  client: pg.Client,
  key: ForeignKey,
  tables: ReadonlyMap<string, RewindTableShape>,
  lockedTables: ReadonlySet<string>,
): Promise<void> {
  const child = tables.get(key.child)
  const present = key.childColumns.map((column) => `t.${column} is not null`).join(' and ')
  const same = key.childColumns
    .map((column, place) => `p.${pg.escapeIdentifier(key.parentColumns[place]!)} = t.${column}`)
    .join(' and ')
  const parent = `not exists (select from ${key.parentSql} p where ${same})`
  const questions: string[] = []
  if (child && !lockedTables.has(key.parent) && key.isLockable) {
    await client.query(
      `select from ${key.childSql} t join plinth_rewind r on ${sameKey(child)} join ${key.parentSql} p on ${same}
       where r.relation = $1 and r.image is not null for key share of p`,
      [key.child],
    )
  }
  if (child) {
    questions.push(`select from ${key.childSql} t join plinth_rewind r on ${sameKey(child)}
      where r.relation = $1 and r.image is not null and ${present} and ${parent}`)
  }
  if (tables.has(key.parent)) {
    const refers = key.childColumns
      .map(
        (column, place) =>
          `t.${column} = (g.row ->> ${pg.escapeLiteral(key.parentColumns[place]!)})::${key.types[place]}`,
      )
      .join(' and ')
    questions.push(`select from ${key.childSql} t join plinth_rewind_gone g on ${refers}
      where g.relation = $1 and ${parent}`)
  }
  for (const [index, question] of questions.entries()) {
    const relation = child && index === 0 ? key.child : key.parent
    const { rowCount } = await client.query(`${question} limit 1`, [relation])
    if (rowCount !== 0)
      throw rewindErrors.rewind_orphans({ child: key.child, parent: key.parent, constraint: key.name })
  }
}

interface DeferrableKey {
  readonly name: string
  /** Of each column or expression: itself, and what two rows must not have in common. */
  readonly parts: readonly { readonly sql: string; readonly operator: string }[]
  readonly predicate: string | null
}

/**
 * Unique and exclusion constraints that may be deferred are kept by triggers, which are off: the rows that came are
 * compared with all others here.
 */
export async function checkDeferrableKeys(client: pg.Client, table: RewindTableShape): Promise<void> {
  const { rows } = await client.query<DeferrableKey>(
    `select k.conname as name, pg_get_expr(i.indpred, i.indrelid) as predicate,
      (select json_agg(json_build_object('sql', pg_get_indexdef(i.indexrelid, n::int, false), 'operator',
          coalesce((select format('operator(%I.%s)', s.nspname, o.oprname) from pg_operator o
            join pg_namespace s on s.oid = o.oprnamespace where o.oid = k.conexclop[n]),
            case when i.indnullsnotdistinct then 'is not distinct from' else '=' end)) order by n)
        from generate_series(1, i.indnkeyatts) n) as parts
    from pg_constraint k join pg_index i on i.indexrelid = k.conindid
    where k.conrelid = $1::regclass and k.contype in ('p', 'u', 'x') and k.condeferrable`,
    [table.sql],
  )
  for (const key of rows) {
    const values = key.parts.map(({ sql }, place) => `${sql} as k${place}`).join(', ')
    const all = `(select ctid as place, ${values} from ${table.sql} ${key.predicate ? `where ${key.predicate}` : ''})`
    const clash = key.parts.map(({ operator }, place) => `a.k${place} ${operator} b.k${place}`).join(' and ')
    const { rowCount } = await client.query(
      `select from ${table.sql} t join plinth_rewind r on ${sameKey(table)}
       join ${all} a on a.place = t.ctid join ${all} b on b.place <> a.place and ${clash}
       where r.relation = $1 and r.image is not null limit 1`,
      [table.relation],
    )
    if (rowCount !== 0)
      throw rewindErrors.rewind_conflict({ problem: `they break ${key.name} of ${table.relation}` })
  }
}
