import pg from 'pg'
import { rewindErrors } from './errors.ts'
import { sameKey } from './gather-rows.ts'
import type { ForeignKey, KeyedTable } from './read-tables.ts'

/** `p.id = t.item_id and …` of a child `t` and its parent `p`. */
const sameParent = (key: ForeignKey) =>
  key.childColumns
    .map((column, place) => `p.${pg.escapeIdentifier(key.parentColumns[place]!)} = t.${column}`)
    .join(' and ')

/** Of a child `t`: that its parent is not there. */
const isOrphan = (key: ForeignKey) => `not exists (select from ${key.parentSql} p where ${sameParent(key)})`

/** Of a child `t`: that it refers to a row `g` that went. */
export const refersToGone = (key: ForeignKey) =>
  key.childColumns
    .map(
      (column, place) =>
        `t.${column} = (g.row ->> ${pg.escapeLiteral(key.parentColumns[place]!)})::${key.types[place]}`,
    )
    .join(' and ')

/**
 * Looks at the rows that came and at those that referred to rows that went: the cost grows with what was undone. Rows
 * that the former refer to are held on to until the end, as a foreign key does it.
 */
export async function checkForeignKey(
  client: pg.Client,
  key: ForeignKey,
  tables: ReadonlyMap<string, KeyedTable>,
  /** Relations of which rows went. */
  parents: ReadonlySet<string>,
): Promise<void> {
  const refuse = () =>
    rewindErrors.rewind_orphans({ child: key.child, parent: key.parent, constraint: key.name })
  const child = tables.get(key.child)
  if (child) {
    if (key.isLockable)
      await client.query(
        `select count(*) from (select 1 from ${key.childSql} t join plinth_rewind r on ${sameKey(child)}
           join ${key.parentSql} p on ${sameParent(key)}
         where r.relation = $1 and r.image is not null for key share of p) held`,
        [key.child],
      )
    const present = key.childColumns.map((column) => `t.${column} is not null`).join(' and ')
    const { rowCount } = await client.query(
      `select from ${key.childSql} t join plinth_rewind r on ${sameKey(child)}
       where r.relation = $1 and r.image is not null and ${present} and ${isOrphan(key)} limit 1`,
      [key.child],
    )
    if (rowCount !== 0) throw refuse()
  }
  if (parents.has(key.parent)) {
    const { rowCount } = await client.query(
      `select from ${key.childSql} t join plinth_rewind_gone g on ${refersToGone(key)}
       where g.relation = $1 and ${isOrphan(key)} limit 1`,
      [key.parent],
    )
    if (rowCount !== 0) throw refuse()
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
export async function checkDeferrableKeys(client: pg.Client, table: KeyedTable): Promise<void> {
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
