import { createHash } from 'node:crypto'
import { type ProjectDatabase, quoteName, quoteText, sql } from '../../../database/index.ts'
import type { ColumnDescription, TableDescription } from '../describe-table.ts'

/** What is asked of the policies: may the role read this row (`using`), or add it (`with check`). */
export type Question = 'read' | 'add'

/** How a role's view of a table is decided. */
export type Access =
  | { readonly kind: 'all' }
  | { readonly kind: 'none' }
  | {
      readonly kind: 'checked'
      /** The function that applies the policies to images, `realtime.…`, quoted. */
      readonly call: string
      readonly definition: string
      /** Columns that the policies read; the others may stay null. */
      isNeeded(column: ColumnDescription): boolean
    }

/** Decides how rows of a table are shown to a role, from the policies as PostgreSQL combines them. */
export function accessOf(table: TableDescription, role: string, question: Question): Access {
  if (!table.rowSecurity || table.unbound.includes(role)) return { kind: 'all' }
  const command = question === 'read' ? 'r' : 'a'
  const applied = table.policies.filter(
    (policy) => (policy.command === '*' || policy.command === command) && policy.roles?.includes(role),
  )
  const permissive = applied.filter((policy) => policy.permissive)
  if (permissive.length === 0) return { kind: 'none' }
  const conditionOf = (policy: (typeof applied)[number]) =>
    `coalesce((${(question === 'add' ? (policy.check ?? policy.using) : policy.using) ?? 'true'}), false)`
  const restrictive = applied.filter((policy) => !policy.permissive)
  const condition = [`(${permissive.map(conditionOf).join(' or ')})`, ...restrictive.map(conditionOf)].join(
    ' and ',
  )
  const wholeRow = applied.some((policy) => policy.wholeRow)
  const columns = new Set(applied.flatMap((policy) => policy.columns))
  const body = functionBody(table, condition, wholeRow)
  const hash = createHash('sha256').update(JSON.stringify([table.schema, table.table, body]))
  const name = `${functionPrefix(table, role, question)}${hash.digest('hex').slice(0, 16)}`
  return {
    kind: 'checked',
    call: `realtime.${quoteName(name)}`,
    definition: functionDefinition(table, name, role, question, body),
    isNeeded: (column) => wholeRow || columns.has(column.name) || column.kind === 'd',
  }
}

const functionPrefix = (table: TableDescription, role: string, question: Question) =>
  `may_${question}_${table.oid}_${role}_`

/**
 * The policies' own expressions over the given rows instead of the table's: nobody reads the table, so a row that
 * changed again meanwhile is checked as it was. Each subscriber's claims are set in turn, and the statement is planned
 * once per connection. Names are resolved as columns first, as in the policies.
 */
function functionBody(table: TableDescription, condition: string, wholeRow: boolean): string {
  const type = `${quoteName(table.schema)}.${quoteName(table.table)}`
  const alias = quoteName(table.table)
  const columns = table.columns.map(({ name }) => quoteName(name)).join(', ')
  const rows = wholeRow
    ? `select string_agg(case when exists (select from unnest(plinth_rows["plinth_n":"plinth_n"]) as ${alias}
         where ${condition}) then '1' else '0' end, '' order by "plinth_n") into plinth_answer
       from generate_subscripts(plinth_rows, 1) as "plinth_s"("plinth_n")`
    : `select string_agg(case when ${condition} then '1' else '0' end, '' order by "plinth_n") into plinth_answer
       from unnest(plinth_rows) with ordinality as ${alias}(${columns}, "plinth_n")`
  return `
#variable_conflict use_column
declare
  plinth_rows ${type}[] := (select array_agg(i::${type} order by n) from unnest(plinth_images) with ordinality as x(i, n));
  plinth_answers text[] := '{}';
  plinth_answer text;
begin
  perform set_config('realtime.topic', plinth_topic, true);
  for plinth_i in 1 .. cardinality(plinth_claims) loop
    perform set_config('request.jwt.claims', plinth_claims[plinth_i], true);
    ${rows};
    plinth_answers := plinth_answers || coalesce(plinth_answer, '');
  end loop;
  return plinth_answers;
end
`
}

function functionDefinition(
  table: TableDescription,
  name: string,
  role: string,
  question: Question,
  body: string,
): string {
  const signature = `realtime.${quoteName(name)}(text[], text[], text)`
  const comment = `Whether ${role} may ${question} rows of ${table.schema}.${table.table}, per claims and image.`
  return `
    create or replace function realtime.${quoteName(name)}(plinth_claims text[], plinth_images text[], plinth_topic text)
    returns text[] language plpgsql volatile as ${quoteText(body)};
    revoke execute on function ${signature} from public;
    grant execute on function ${signature} to ${quoteName(role)};
    comment on function ${signature} is ${quoteText(comment)}`
}

/** Makes the check function of an access, once per process, and drops those of earlier policies. */
export function createCheckFunctions(database: ProjectDatabase) {
  const made = new Map<string, Promise<void>>()

  async function make(
    table: TableDescription,
    role: string,
    question: Question,
    call: string,
    definition: string,
  ) {
    await database.transactionAsOwner(async (transaction) => {
      await transaction.query(sql`select pg_advisory_xact_lock(hashtext('plinth realtime checks'))`)
      const prefix = functionPrefix(table, role, question)
      const { rows } = await transaction.query<{ signature: string; call: string }>(sql`
        select p.oid::regprocedure::text as signature, 'realtime.' || quote_ident(p.proname) as call
        from pg_proc p where p.pronamespace = 'realtime'::regnamespace and starts_with(p.proname, ${prefix})`)
      const old = rows.filter((row) => row.call.replaceAll('"', '') !== call.replaceAll('"', ''))
      for (const { signature } of old) await transaction.query({ text: `drop function ${signature}` })
      if (rows.length === old.length) await transaction.query({ text: definition })
    })
  }

  return {
    /** Resolves when the function can be called. */
    ensure: (
      table: TableDescription,
      role: string,
      question: Question,
      access: Access & { kind: 'checked' },
    ) => {
      const known = made.get(access.call)
      if (known !== undefined) return known
      const making = make(table, role, question, access.call, access.definition)
      made.set(access.call, making)
      making.catch(() => made.delete(access.call))
      return making
    },
    /** Forgets a function that turned out to be gone. */
    forget: (access: Access & { kind: 'checked' }) => made.delete(access.call),
  }
}

export type CheckFunctions = ReturnType<typeof createCheckFunctions>
