import { sql } from '../../database/index.ts'
import { seal, unseal } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { backupErrors } from '../errors.ts'
import type { WrappedKey } from '../format/key-ring.ts'
import { placeError, readWhole } from '../format/parts.ts'

/**
 * The keys of the persons whose values are sealed in backups lie apart from them, in one object that has the latest only:
 * in a backup they would undo an erasure, and without them a lost machine would not come back.
 */
const objectName = '=keys/persons.sealed'
const context = 'backups/persons'
const mostBytes = 1_024 * 1_024 * 1_024

interface PersonKey {
  readonly subject: string
  readonly key_id: string
  /** As the journal keeps it, base64. */
  readonly sealed_key: string
}

interface Sealed {
  readonly key: WrappedKey
  /** Which state of the journal's keys it is. */
  readonly state: string
  readonly persons: string
}

/** Writes the object anew where somebody came or was erased since. Gives whether it was written. */
export async function renewPersonKeys({ database, store, second, ring }: BackupContext): Promise<boolean> {
  const { rows: states } = await database.asJournal<{ state: string }>(sql`
    select (select count(*) from plinth_journal.subjects where sealed_key is not null) || ' '
      || (select count(*) from plinth_journal.subjects) || ' ' || (select count(*) from plinth_journal.erasures) as state`)
  const { state } = states[0]!
  const bytes = await readWhole(store, objectName, mostBytes)
  if (bytes) {
    const known = JSON.parse(bytes.toString()) as Sealed
    if (known.state === state && known.key.keyId === ring.ids[0]) return false
  }
  const { rows } = await database.asJournal<PersonKey & Record<string, unknown>>(sql`
    select subject, key_id, encode(sealed_key, 'base64') as sealed_key from plinth_journal.subjects where sealed_key is not null`)
  const { key, wrapped } = ring.newDataKey(context)
  const persons = seal(key, JSON.stringify(rows), context).toString('base64')
  const content = Buffer.from(JSON.stringify({ key: wrapped, state, persons } satisfies Sealed))
  for (const place of second ? [store, second] : [store])
    await place.put(objectName, chunksOf(content)).catch((error: unknown) => {
      throw placeError(error)
    })
  return true
}

async function* chunksOf(content: Buffer): AsyncIterable<Buffer> {
  yield content
}

/** Gives the journal of a new machine the keys that the old one had. Gives how many came. */
export async function restorePersonKeys({ database, store, second, ring }: BackupContext): Promise<number> {
  const bytes =
    (await readWhole(store, objectName, mostBytes)) ??
    (second && (await readWhole(second, objectName, mostBytes)))
  if (!bytes) return 0
  let persons: PersonKey[]
  try {
    const { key, persons: sealed } = JSON.parse(bytes.toString()) as Sealed
    const plain = unseal(ring.openDataKey(context, key), Buffer.from(sealed, 'base64'), context)
    persons = JSON.parse(plain.toString()) as PersonKey[]
  } catch (cause) {
    throw backupErrors.backup_damaged({ problem: `${objectName} cannot be opened` }, cause)
  }
  const { rowCount } = await database.asJournal(sql`
    insert into plinth_journal.subjects (subject, key_id, sealed_key)
    select p.subject, p.key_id, decode(p.sealed_key, 'base64')
    from jsonb_to_recordset(${JSON.stringify(persons)}::jsonb) p(subject text, key_id uuid, sealed_key text)
    on conflict (key_id) do nothing`)
  return rowCount ?? 0
}
