import {
  addressAs,
  type ClusterAddresses,
  type ProjectAddresses,
  withPinnedClient,
} from '../database/index.ts'

/** Commands that can change what the values of a table mean. One that is made anew is noted when it is published. */
const commands = [
  'ALTER DOMAIN',
  'ALTER EXTENSION',
  'ALTER SCHEMA',
  'ALTER TABLE',
  'ALTER TYPE',
  'DROP EXTENSION',
  'DROP OWNED',
  'DROP SCHEMA',
  'DROP TABLE',
  'DROP TYPE',
]

const triggers = `
  select from pg_event_trigger where evtname in ('plinth_note_schema', 'plinth_note_rewrite') and evtenabled = 'A'`

/**
 * Has every change of the schema noted at once, whoever makes it, by event triggers of the administrator's that the owner of
 * the database can neither drop nor switch off. False where the administrator is no superuser: then migrations are noted
 * (`applyMigrations`), and what is changed past them at the next start. Safe to repeat and to race.
 */
export async function noteSchemaChanges(
  { directUrl }: Pick<ClusterAddresses, 'directUrl'>,
  { journal }: Pick<ProjectAddresses, 'journal'>,
): Promise<boolean> {
  const present = await withPinnedClient(journal, 'plinth schema', (client) => client.query(triggers))
  if (present.rowCount === 2) return true
  const isSuperuser = await withPinnedClient(directUrl, 'plinth schema', async (client) => {
    const { rows } = await client.query<{ is: boolean }>(
      'select rolsuper as is from pg_roles where rolname = current_user',
    )
    return rows[0]!.is
  })
  if (!isSuperuser) return false
  const database = decodeURIComponent(new URL(journal).pathname.slice(1))
  const tags = commands.map((command) => `'${command}'`).join(', ')
  await withPinnedClient(addressAs(directUrl, { database }), 'plinth schema', (client) =>
    client.query(`
      begin;
      select pg_advisory_xact_lock(${lock});
      drop event trigger if exists plinth_note_schema;
      drop event trigger if exists plinth_note_rewrite;
      create event trigger plinth_note_schema on ddl_command_end when tag in (${tags})
        execute function plinth_journal.note_schema_change();
      create event trigger plinth_note_rewrite on table_rewrite execute function plinth_journal.note_rewrite();
      alter event trigger plinth_note_schema enable always;
      alter event trigger plinth_note_rewrite enable always;
      commit;`),
  )
  return true
}

/** Any number that nobody else in the database takes. */
const lock = 7_077_006
