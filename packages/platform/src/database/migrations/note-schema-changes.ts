import type pg from 'pg'

/** What a migration of the owner's finds of the journal, in its own transaction. */
export interface SchemaNotes {
  /** Keeps the shapes that the journalled tables have from here on. */
  note(): Promise<void>
}

/**
 * Looks at the journalled tables before a migration: without the administrator's event triggers, a table whose rows are
 * elsewhere afterwards was written anew. Does nothing where there is no journal.
 */
export async function lookAtSchema(client: pg.Client): Promise<SchemaNotes> {
  const { rows } = await client.query<{ present: boolean }>(
    `select pg_catalog.to_regprocedure('plinth_journal.note_schema_changes(jsonb)') is not null as present`,
  )
  if (!rows[0]!.present) return { note: async () => undefined }
  const { rows: before } = await client.query<{ nodes: unknown }>(
    'select plinth_journal.file_nodes() as nodes, plinth_journal.note_schema_changes()',
  )
  const nodes = JSON.stringify(before[0]!.nodes)
  return {
    note: async () => {
      await client.query('select plinth_journal.note_schema_changes($1)', [nodes])
    },
  }
}
