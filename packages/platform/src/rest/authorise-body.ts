import { readFileSync } from 'node:fs'
import type { Caller } from '../database/index.ts'
import { restErrors } from './errors.ts'
import { requireFunction } from './plan/plan-call.ts'
import { parseNames } from './request/field.ts'
import type { RequestHead } from './request/rest-request.ts'
import { onCatalogue, type Runner } from './run-request.ts'
import { findRelation } from './sql/compile-table.ts'

const text = readFileSync(new URL('./authorise-body.sql', import.meta.url), 'utf8')

/**
 * Fails when the relation or function that a request names does not exist, or with 42501 when the caller's role may not
 * write to it or call it, so that the body need not be read. Costs a round trip; asked for large bodies only, because
 * PostgreSQL checks anyway.
 */
export async function authoriseBody(
  { database, catalogues }: Runner,
  caller: Caller,
  head: RequestHead,
): Promise<void> {
  await onCatalogue(catalogues, async (catalogue) => {
    if (head.isCall) requireFunction(catalogue, head.schema, head.name)
    else findRelation(catalogue, head)
  })
  const values = [head.schema, head.name, head.isCall ? null : privilegesFor(head), columnsOf(head)]
  const statement = { text, values }
  const { rows } = await database.asCaller<{ lacking: string | null }>(caller, statement, { readOnly: true })
  const lacking = rows[0]?.lacking
  if (lacking) throw restErrors['42501']({ object: lacking })
}

function privilegesFor({ method, preferences }: RequestHead): string[] {
  if (method === 'PATCH') return ['update']
  const merges = method === 'PUT' || preferences.resolution === 'merge-duplicates'
  return merges ? ['insert', 'update'] : ['insert']
}

function columnsOf({ query }: RequestHead): string[] | null {
  return query.columns === undefined ? null : parseNames(query.columns, 'columns parameter')
}
