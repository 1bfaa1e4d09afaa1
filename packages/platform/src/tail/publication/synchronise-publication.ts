import { type ProjectDatabase, quoteName, sql, type Transaction } from '../../database/index.ts'
import { tailErrors } from '../errors.ts'

/** The publication that every project's stream comes from. */
export const tailPublication = 'plinth_tail'

/** A table that the stream is to carry, as the catalogue describes it. */
export interface CatalogueTable {
  readonly name: string
  readonly kind: string | null
  readonly identity: string
  readonly columns: readonly string[]
  readonly virtual_columns: readonly string[]
  readonly generated_columns: readonly string[]
  readonly primary_key: readonly string[]
  /** True when a trigger refuses to truncate it. */
  readonly refuses_truncate: boolean
}

export interface Publication {
  /** Tables of `public` that are carried with complete images before every change. */
  readonly tables: readonly string[]
  /** Tables that others have published, as `schema.table`: they are carried as they are. */
  readonly also?: readonly string[]
}

/** What else is done in the transaction that alters the publication; `added` are the tables that were not in it. */
export type PublicationExtension = (
  transaction: Transaction,
  tables: readonly CatalogueTable[],
  added: ReadonlySet<string>,
) => Promise<void>

/**
 * Makes the stream carry exactly these tables, with complete images before every change. Run it after migrations.
 * Fails with `tail_unknown_table`, `tail_no_primary_key` or `tail_virtual_column`, and then changes nothing. Safe to
 * repeat and to race.
 */
export async function synchronisePublication(
  database: ProjectDatabase,
  wanted: Publication,
  extend?: PublicationExtension,
): Promise<void> {
  const names = [...new Set(wanted.tables)].sort()
  await database.transactionAsJournal(async (transaction) => {
    await transaction.query(publicationLock)
    const tables = await readCatalogue(transaction, names)
    for (const table of tables) requireFollowable(table)
    for (const table of tables) {
      if (table.identity !== 'f')
        await transaction.query({ text: `alter table public.${quoteName(table.name)} replica identity full` })
    }
    const added = await publish(transaction, names, await readOwn(transaction, wanted.also))
    await extend?.(transaction, tables, new Set(added))
  })
}

const publicationLock = sql`select pg_advisory_xact_lock(hashtext('plinth publication'))`

/** Makes the stream carry one more table, as it is. Safe to repeat and to race; fails when the owner may not add it. */
export async function carryTable(
  database: ProjectDatabase,
  { schema, name }: { readonly schema: string; readonly name: string },
): Promise<void> {
  await database.transactionAsJournal(async (transaction) => {
    await transaction.query(publicationLock)
    const { rowCount } = await transaction.query(sql`
      select from pg_publication_tables
      where pubname = ${tailPublication} and schemaname = ${schema} and tablename = ${name}`)
    if (rowCount !== 0) return
    const table = `${quoteName(schema)}.${quoteName(name)}`
    await transaction.query({ text: `alter publication ${quoteName(tailPublication)} add table ${table}` })
  })
}

/** Of tables that others have published, those that the owner may publish too. */
async function readOwn(transaction: Transaction, relations: readonly string[] = []): Promise<string[]> {
  const { rows } = await transaction.query<{ name: string }>(sql`
    select n.nspname || '.' || c.relname as name from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname || '.' || c.relname = any (${relations}::text[]) 
      and pg_has_role(c.relowner, 'usage') and pg_get_userbyid(c.relowner) <> current_user`)
  return rows.map(({ name }) => name)
}

async function readCatalogue(transaction: Transaction, names: readonly string[]): Promise<CatalogueTable[]> {
  const { rows } = await transaction.query<CatalogueTable>(sql`
    select wanted.name, c.relkind as kind, c.relreplident as identity,
      array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped order by a.attnum) as columns,
      array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attgenerated = 'v' and not a.attisdropped) as virtual_columns,
      array(select a.attname::text from pg_attribute a
        where a.attrelid = c.oid and a.attgenerated <> '' and not a.attisdropped) as generated_columns,
      array(select a.attname::text from pg_index i, unnest(i.indkey) with ordinality k(attnum, place)
        join pg_attribute a on a.attnum = k.attnum
        where i.indrelid = c.oid and i.indisprimary and a.attrelid = c.oid order by k.place) as primary_key,
      exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'plinth_refuse_truncate') as refuses_truncate
    from unnest(${names}::text[]) wanted(name)
    left join pg_class c on c.relname = wanted.name and c.relnamespace = 'public'::regnamespace
    order by wanted.name`)
  return rows
}

function requireFollowable(table: CatalogueTable): void {
  const { name } = table
  if (table.kind !== 'r') throw tailErrors.tail_unknown_table({ table: name })
  if (table.primary_key.length === 0) throw tailErrors.tail_no_primary_key({ table: name })
  const virtual = table.virtual_columns[0]
  if (virtual !== undefined) throw tailErrors.tail_virtual_column({ table: name, column: virtual })
}

/** Gives the tables that were not published before, as `schema.table`. The journal's own table stays as it is. */
async function publish(
  transaction: Transaction,
  names: readonly string[],
  also: readonly string[] = [],
): Promise<readonly string[]> {
  const { rows } = await transaction.query<{ name: string }>(sql`
    select schemaname || '.' || tablename as name from pg_publication_tables
    where pubname = ${tailPublication} and schemaname <> 'plinth_journal'`)
  const wanted = new Set([...names.map((name) => `public.${name}`), ...also])
  const published = new Set(rows.map(({ name }) => name))
  const change = (verb: string, tables: readonly string[]) =>
    transaction.query({
      text: `alter publication ${quoteName(tailPublication)} ${verb} table ${tables.map(quoteRelation).join(', ')}`,
    })
  const added = [...wanted].filter((name) => !published.has(name))
  const removed = [...published].filter((name) => !wanted.has(name))
  if (added.length > 0) await change('add', added)
  if (removed.length > 0) await change('drop', removed)
  return added
}

const quoteRelation = (relation: string): string => {
  const dot = relation.indexOf('.')
  return `${quoteName(relation.slice(0, dot))}.${quoteName(relation.slice(dot + 1))}`
}
