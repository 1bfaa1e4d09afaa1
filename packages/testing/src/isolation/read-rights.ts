import { readFileSync } from 'node:fs'
import type pg from 'pg'

/** What the catalogue lets the roles of a request do with one table, view or function. */
export interface Rights {
  /** Functions with their schema and arguments. */
  readonly name: string
  readonly kind: 'table' | 'view' | 'materialized view' | 'foreign table' | 'function'
  /** A table with row security; a view or a function that acts with the rights of whoever uses it. */
  readonly guarded: boolean
  readonly policies: readonly string[]
  /** By role: `select`, `update (name, phone)`, … */
  readonly rights: Readonly<Record<string, readonly string[]>>
}

const text = readFileSync(new URL('./read-rights.sql', import.meta.url), 'utf8')

/** The rights on everything in `public`, and on every function of the system that can be called by name. */
export async function readRights(client: pg.Client): Promise<readonly Rights[]> {
  return (await client.query<Rights>(text)).rows
}
