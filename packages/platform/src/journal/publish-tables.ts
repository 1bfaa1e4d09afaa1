import { type ProjectDatabase, quoteName, sql, type Transaction } from '../database/index.ts'
import { type CatalogueTable, type PublicationExtension, synchronisePublication } from '../tail/index.ts'
import { journalErrors } from './errors.ts'

/** Columns that the journal keeps sealed, so that a person can be erased from it. */
export interface PersonalColumns {
  readonly columns: readonly string[]
  /** The column that says whose data it is; its value names the key. */
  readonly subject: string
}

export interface JournalledTables {
  /** Tables of `public` whose history the journal keeps. */
  readonly journalled: readonly string[]
  /** How a row names its tenant: the root table by its key, every other table by `column`. Null without tenants. */
  readonly tenant: { readonly table: string; readonly key?: string; readonly column: string } | null
  /** By table. */
  readonly personal?: Readonly<Record<string, PersonalColumns>>
}

export interface PublishedTables extends JournalledTables {
  /** Tables of `public` whose changes clients may subscribe to. */
  readonly realtime: readonly string[]
  /** Tables that others have published, as `schema.table`: they are carried as they are, journalled they are not. */
  readonly also?: readonly string[]
}

/**
 * Makes the stream carry exactly these tables and the journal keep those that are journalled, in one transaction. Run it
 * after migrations. Fails with the codes of `synchronisePublication`, `journal_unknown_column`, `journal_generated_key`
 * or `journal_sealed_key`, and then changes nothing. Safe to repeat and to race.
 */
export function publishTables(database: ProjectDatabase, wanted: PublishedTables): Promise<void> {
  const publication = {
    tables: [...wanted.journalled, ...wanted.realtime],
    ...(wanted.also ? { also: wanted.also } : {}),
  }
  return synchronisePublication(database, publication, recordJournalledTables(wanted))
}

/** What the journal does in the transaction that alters the publication. */
export function recordJournalledTables(wanted: JournalledTables): PublicationExtension {
  return async (transaction, tables, added) => {
    const journalled = tables.filter(({ name }) => wanted.journalled.includes(name))
    for (const table of journalled) requireJournallable(table, wanted)
    await refuseTruncates(transaction, tables, wanted)
    await recordJournalled(transaction, journalled, wanted, added)
  }
}

function requireJournallable(table: CatalogueTable, { tenant, personal }: JournalledTables): void {
  const { name, columns } = table
  const sealed = personal?.[name]
  const named = [
    ...(tenant?.table === name ? [tenant.key ?? 'id'] : []),
    ...(sealed ? [sealed.subject, ...sealed.columns] : []),
  ]
  const missing = named.find((column) => !columns.includes(column))
  if (missing !== undefined) throw journalErrors.journal_unknown_column({ table: name, column: missing })
  const needed = new Set([...table.primary_key, tenantColumn(table, tenant)])
  const generated = table.generated_columns.find((column) => needed.has(column))
  if (generated !== undefined) throw journalErrors.journal_generated_key({ table: name, column: generated })
  const clear = sealed?.columns.find((column) => needed.has(column))
  if (clear !== undefined) throw journalErrors.journal_sealed_key({ table: name, column: clear })
}

async function refuseTruncates(
  transaction: Transaction,
  tables: readonly CatalogueTable[],
  wanted: JournalledTables,
) {
  for (const { name, refuses_truncate } of tables) {
    const journalled = wanted.journalled.includes(name)
    if (journalled === refuses_truncate) continue
    const text = journalled
      ? `create trigger plinth_refuse_truncate before truncate on public.${quoteName(name)}
           for each statement execute function plinth_journal.refuse_truncate()`
      : `drop trigger plinth_refuse_truncate on public.${quoteName(name)}`
    await transaction.query({ text })
  }
}

async function recordJournalled(
  transaction: Transaction,
  tables: readonly CatalogueTable[],
  wanted: JournalledTables,
  added: ReadonlySet<string>,
): Promise<void> {
  const relations = tables.map(({ name }) => `public.${name}`)
  await transaction.query(sql`
    with released as (delete from plinth_journal.tables where relation <> all (${relations}) returning relation)
    insert into plinth_journal.schema_changes (relation, reason) select relation, 'released' from released`)
  await noteJournalled(transaction, relations, added)
  for (const table of tables) {
    const relation = `public.${table.name}`
    const sealed = wanted.personal?.[table.name]
    // A table that was not in the stream was made anew under its name: what was written to it meanwhile is not known.
    await transaction.query(sql`
      insert into plinth_journal.tables (relation, primary_key, tenant_column, personal_columns, subject_column)
      values (${relation}, ${table.primary_key}, ${tenantColumn(table, wanted.tenant)},
        ${sealed?.columns ?? []}, ${sealed?.subject ?? null})
      on conflict (relation) do update set primary_key = excluded.primary_key,
        tenant_column = excluded.tenant_column, personal_columns = excluded.personal_columns,
        subject_column = excluded.subject_column,
        since = case when ${added.has(relation)} then excluded.since else tables.since end`)
  }
}

/** From where on each table's changes are kept, and in which shape it is; a table that never had a row hides nothing. */
async function noteJournalled(
  transaction: Transaction,
  relations: readonly string[],
  added: ReadonlySet<string>,
): Promise<void> {
  await transaction.query(sql`
    insert into plinth_journal.schema_changes (relation, reason, was_empty, shape)
    select relation, 'journalled', pg_relation_size(plinth_journal.journalled_table(relation)) = 0,
      plinth_journal.shape_of(plinth_journal.journalled_table(relation))
    from unnest(${relations}::text[]) given(relation)
    where relation = any (${[...added]}::text[])
      or not exists (select from plinth_journal.tables t where t.relation = given.relation)`)
  await transaction.query({ text: 'select plinth_journal.note_schema_changes()' })
}

/** A table without the tenant's column belongs to the project as a whole. */
function tenantColumn(table: CatalogueTable, tenant: JournalledTables['tenant']): string | null {
  if (!tenant) return null
  if (table.name === tenant.table) return tenant.key ?? 'id'
  return table.columns.includes(tenant.column) ? tenant.column : null
}
