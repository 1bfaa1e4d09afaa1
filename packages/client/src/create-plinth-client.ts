import { createClient, type SupabaseClient, type SupabaseClientOptions } from '@supabase/supabase-js'
import { type ClientFlags, clientFlags } from './flags/flags.ts'
import { type ClientKv, clientKv } from './kv/kv.ts'
import { type Watch, type WatchEvent, type WatchQuery, watch } from './watch/watch.ts'

export interface PlinthClientOptions extends SupabaseClientOptions<'public'> {
  /** Name of the system, `shops`. Default: the last part of the URL's path. */
  readonly system?: string
}

/** A row of a table as generated types describe it; any object without them. */
export type RowOf<Database, Table extends string> = Database extends {
  public: { Tables: { [T in Table]: { Row: infer Row extends Record<string, unknown> } } }
}
  ? Row
  : Record<string, unknown>

/** A supabase-js client that can also keep live copies of tables and reach the platform's own services. */
// biome-ignore lint/suspicious/noExplicitAny: supabase-js's own default for a client without generated types
export type PlinthClient<Database = any> = SupabaseClient<Database> & {
  /** See {@link watch}. */
  watch<Table extends string, Row extends Record<string, unknown> = RowOf<Database, Table>>(
    query: WatchQuery & { readonly table: Table },
    listener?: (event: WatchEvent<Row>) => void,
  ): Watch<Row>
  /** Values by key, where the system uses `kv()`. */
  readonly kv: ClientKv
  /** Switches, where the system uses `flags()`. */
  readonly flags: ClientFlags
}

/**
 * A client of one system. Its session is stored under the system's own name, so that clients of several systems live
 * side by side in one browser: supabase-js alone names it after the host, which all systems of a server share.
 */
// biome-ignore lint/suspicious/noExplicitAny: as above
export function createPlinthClient<Database = any>(
  url: string,
  key: string,
  { system, ...options }: PlinthClientOptions = {},
): PlinthClient<Database> {
  const client = createClient<Database>(url, key, {
    ...options,
    auth: { storageKey: sessionKey(url, system), ...options.auth },
  } as SupabaseClientOptions<never>) as unknown as SupabaseClient<Database>
  return Object.assign(client, {
    watch: (query: WatchQuery, listener?: (event: WatchEvent<never>) => void) =>
      watch(client, query, listener),
    kv: clientKv(client),
    flags: clientFlags(client),
  }) as unknown as PlinthClient<Database>
}

/** The name under which a system's session is stored: `plinth-example.com-shops-auth`. */
export function sessionKey(url: string, system?: string): string {
  const { host, pathname } = new URL(url)
  const name = system ?? pathname.split('/').filter(Boolean).at(-1)
  return ['plinth', host, name, 'auth'].filter(Boolean).join('-')
}
