import { hash } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { type ProjectDatabase, sql } from '../../database/index.ts'
import { createTurns, newId, newKey, seal, unseal } from '../../kernel/index.ts'
import type { JournalSession } from '../journal-session.ts'
import type { SubjectKey } from './seal-block.ts'
import type { BlockContent, OpenBlock, SealedBlock } from './sealed-images.ts'

/** The keys of the persons whose data the journal keeps, each sealed under the project's own. */
export interface SubjectKeys {
  find(subject: string): SubjectKey | undefined
  /** Loads the keys of these persons and makes those that are missing, in the session's transaction. */
  load(
    session: Pick<JournalSession, 'query'>,
    subjects: readonly string[],
  ): Promise<ReadonlyMap<string, SubjectKey>>
  /**
   * Forgets all keys when the number of persons erased so far is another one than before; gives whether they were kept.
   * What was sealed under a key that is gone could never be read again.
   */
  keepUnlessErased(erased: number): boolean
  /** Forgets all keys. */
  clear(): void
}

/** About 300 bytes each. */
const remembered = 50_000
/** Characters; longer names do not fit into an index. */
const longestName = 500

/** The name under which a person's keys are kept. */
export const subjectName = (subject: string): string =>
  subject.length <= longestName ? subject : `sha256 ${hash('sha256', subject, 'hex')}`

export function createSubjectKeys(masterKey: Buffer): SubjectKeys {
  const keys = new LRUCache<string, SubjectKey>({ max: remembered })
  let erasedBefore = -1

  return {
    find: (subject) => keys.get(subject),
    load: async (session, subjects) => {
      const loaded = await loadKeys(session, masterKey, subjects)
      for (const [subject, key] of loaded) keys.set(subject, key)
      return loaded
    },
    keepUnlessErased: (erased) => {
      const isKept = erased === erasedBefore || keys.size === 0
      if (!isKept) keys.clear()
      erasedBefore = erased
      return isKept
    },
    clear: () => keys.clear(),
  }
}

/** A person who was erased and comes back gets a new key: the old values stay closed. */
async function loadKeys(
  session: Pick<JournalSession, 'query'>,
  masterKey: Buffer,
  subjects: readonly string[],
): Promise<ReadonlyMap<string, SubjectKey>> {
  const turns = createTurns()
  const keys = new Map<string, SubjectKey>()
  const { rows } = await session.query<{ subject: string; key_id: string; sealed_key: Buffer }>(
    `select subject, key_id, sealed_key from plinth_journal.subjects
     where subject = any ($1) and sealed_key is not null`,
    [subjects],
  )
  for (const { subject, key_id: id, sealed_key: sealed } of rows) {
    keys.set(subject, { id, key: unseal(masterKey, sealed, id) })
    if (turns.isDue()) await turns.take()
  }
  const made = subjects
    .filter((subject) => !keys.has(subject))
    .map((subject) => ({ subject, id: newId(), key: newKey() }))
  if (made.length === 0) return keys
  const sealed: Buffer[] = []
  for (const { subject, id, key } of made) {
    keys.set(subject, { id, key })
    sealed.push(seal(masterKey, key, id))
    if (turns.isDue()) await turns.take()
  }
  await session.query(
    `insert into plinth_journal.subjects (subject, key_id, sealed_key)
     select * from unnest($1::text[], $2::uuid[], $3::bytea[])`,
    [made.map(({ subject }) => subject), made.map(({ id }) => id), sealed],
  )
  return keys
}

/** Opens those of these blocks whose persons were not erased. */
export async function createOpener(
  database: ProjectDatabase,
  masterKey: Buffer,
  blocks: readonly SealedBlock[],
): Promise<OpenBlock> {
  const keyIds = [...new Set(blocks.map(({ key }) => key))]
  const { rows } = await database.asJournal<{ key_id: string; sealed_key: Buffer }>(sql`
    select key_id, sealed_key from plinth_journal.subjects
    where key_id = any (${keyIds}::uuid[]) and sealed_key is not null`)
  const keys = new Map(rows.map((row) => [row.key_id, unseal(masterKey, row.sealed_key, row.key_id)]))
  return (relation, block) => {
    const key = keys.get(block.key)
    if (!key) return undefined
    return JSON.parse(unseal(key, Buffer.from(block.sealed, 'base64'), relation).toString()) as BlockContent
  }
}

/**
 * Forgets a person's keys: what the journal holds of their personal columns can never be read again, and its chain
 * stays whole. Waits for the batch that is being stored, since values may have been sealed for it. Gives how many keys
 * were destroyed.
 */
export async function eraseSubject(database: ProjectDatabase, subject: string): Promise<number> {
  return database.transactionAsJournal(async (transaction) => {
    await transaction.query(sql`insert into plinth_journal.erasures default values`)
    const { rowCount } = await transaction.query(sql`
      update plinth_journal.subjects set sealed_key = null, erased_at = clock_timestamp()
      where subject = ${subjectName(subject)} and sealed_key is not null`)
    return rowCount ?? 0
  })
}
