import { type ProjectDatabase, quoteName, sql, type Transaction } from '../../database/index.ts'
import { tailErrors } from '../errors.ts'

/** The publication that every project's stream comes from. */
export const tailPublication = 'plinth_tail'

/** Columns that the journal keeps sealed, so that a person can be erased from it. */
export interface PersonalColumns {
  readonly columns: readonly string[]
  /** The column that says whose data it is; its value names the key. */
  readonly subject: string
}

export interface PublishedTables {
  /** Tables of `public` whose history the journal keeps. */
  readonly journalled: readonly string[]
  /** Tables of `public` whose changes clients may subscribe to. */
  readonly realtime: readonly string[]
  /** Tables that others have published, as `schema.table`: they are carried as they are, journalled they are not. */
  readonly also?: readonly string[]
  /** How a row names its tenant: the root table by its key, every other table by `column`. Null without tenants. */
  readonly tenant: { readonly table: string; readonly key?: string; readonly column: string } | null
  /** By table. */
  readonly personal?: Readonly<Record<string, PersonalColumns>>
}

interface CatalogueRow {
  readonly name: string
  readonly kind: string | null
  readonly identity: string
  readonly columns: readonly string[]
  readonly virtual_columns: readonly string[]
  readonly generated_columns: readonly string[]
  readonly primary_key: readonly string[]
  readonly guarded: boolean
}

/**
 * Makes the stream carry exactly these tables, with complete images before every change. Run it after migrations.
 * Fails with `tail_unknown_table`, `tail_no_primary_key`, `tail_virtual_column` or `tail_unknown_column`, and then
 * changes nothing. Safe to repeat and to race.
 */
export async function synchronisePublication(
  database: ProjectDatabase,
  wanted: PublishedTables,
): Promise<void> {
  const names = [...new Set([...wanted.journalled, ...wanted.realtime])].sort()
  await database.transactionAsOwner(async (transaction) => {
    await transaction.query(publicationLock)
    const tables = await readCatalogue(transaction, names)
    for (const table of tables) check(table, wanted)
    for (const table of tables) {
      if (table.identity !== 'f')
        await transaction.query({ text: `alter table public.${quoteName(table.name)} replica identity full` })
    }
    const added = await publish(transaction, names, await readOwn(transaction, wanted.also))
    await guard(transaction, tables, wanted)
    await recordJournalled(
      transaction,
      tables.filter(({ name }) => wanted.journalled.includes(name)),
      wanted,
      new Set(added),
    )
  })
}

const publicationLock = sql`select pg_advisory_xact_lock(hashtext('plinth publication'))`

/** Makes the stream carry one more table, as it is. Safe to repeat and to race; fails when the owner may not add it. */
export async function carryTable(
  database: ProjectDatabase,
  { schema, name }: { readonly schema: string; readonly name: string },
): Promise<void> {
  await database.transactionAsOwner(async (transaction) => {
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
    where n.nspname || '.' || c.relname = any (${relations}::text[]) and pg_has_role(c.relowner, 'usage')`)
  return rows.map(({ name }) => name)
}

async function readCatalogue(transaction: Transaction, names: readonly string[]): Promise<CatalogueRow[]> {
  const { rows } = await transaction.query<CatalogueRow>(sql`
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
      exists (select from pg_trigger t where t.tgrelid = c.oid and t.tgname = 'plinth_refuse_truncate') as guarded
    from unnest(${names}::text[]) wanted(name)
    left join pg_class c on c.relname = wanted.name and c.relnamespace = 'public'::regnamespace
    order by wanted.name`)
  return rows
}

function check(table: CatalogueRow, { journalled, tenant, personal }: PublishedTables): void {
  const { name, columns } = table
  if (table.kind !== 'r') throw tailErrors.tail_unknown_table({ table: name })
  if (table.primary_key.length === 0) throw tailErrors.tail_no_primary_key({ table: name })
  const virtual = table.virtual_columns[0]
  if (virtual !== undefined) throw tailErrors.tail_virtual_column({ table: name, column: virtual })
  if (!journalled.includes(name)) return
  const sealed = personal?.[name]
  const named = [
    ...(tenant?.table === name ? [tenant.key ?? 'id'] : []),
    ...(sealed ? [sealed.subject, ...sealed.columns] : []),
  ]
  const missing = named.find((column) => !columns.includes(column))
  if (missing !== undefined) throw tailErrors.tail_unknown_column({ table: name, column: missing })
  const needed = new Set([...table.primary_key, tenantColumn(table, tenant)])
  const generated = table.generated_columns.find((column) => needed.has(column))
  if (generated !== undefined) throw tailErrors.tail_generated_key({ table: name, column: generated })
  const clear = sealed?.columns.find((column) => needed.has(column))
  if (clear !== undefined) throw tailErrors.tail_sealed_key({ table: name, column: clear })
}

/** Gives the tables that were not published before, as `schema.table`. */
async function publish(
  transaction: Transaction,
  names: readonly string[],
  also: readonly string[] = [],
): Promise<readonly string[]> {
  const { rows } = await transaction.query<{ name: string }>(sql`
    select schemaname || '.' || tablename as name from pg_publication_tables
    where pubname = ${tailPublication}`)
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

async function guard(transaction: Transaction, tables: readonly CatalogueRow[], wanted: PublishedTables) {
  for (const { name, guarded } of tables) {
    const journalled = wanted.journalled.includes(name)
    if (journalled === guarded) continue
    const text = journalled
      ? `create trigger plinth_refuse_truncate before truncate on public.${quoteName(name)}
           for each statement execute function plinth.refuse_truncate()`
      : `drop trigger plinth_refuse_truncate on public.${quoteName(name)}`
    await transaction.query({ text })
  }
}

async function recordJournalled(
  transaction: Transaction,
  tables: readonly CatalogueRow[],
  wanted: PublishedTables,
  added: ReadonlySet<string>,
): Promise<void> {
  const relations = tables.map(({ name }) => `public.${name}`)
  await transaction.query(sql`delete from plinth.journal_tables where relation <> all (${relations})`)
  for (const table of tables) {
    const relation = `public.${table.name}`
    const sealed = wanted.personal?.[table.name]
    // A table that was not in the stream was made anew under its name: what was written to it meanwhile is not known.
    await transaction.query(sql`
      insert into plinth.journal_tables (relation, primary_key, tenant_column, personal_columns, subject_column)
      values (${relation}, ${table.primary_key}, ${tenantColumn(table, wanted.tenant)},
        ${sealed?.columns ?? []}, ${sealed?.subject ?? null})
      on conflict (relation) do update set primary_key = excluded.primary_key,
        tenant_column = excluded.tenant_column, personal_columns = excluded.personal_columns,
        subject_column = excluded.subject_column,
        since = case when ${added.has(relation)} then excluded.since else journal_tables.since end`)
  }
}

/** A table without the tenant's column belongs to the project as a whole. */
function tenantColumn(table: CatalogueRow, tenant: PublishedTables['tenant']): string | null {
  if (!tenant) return null
  if (table.name === tenant.table) return tenant.key ?? 'id'
  return table.columns.includes(tenant.column) ? tenant.column : null
}
