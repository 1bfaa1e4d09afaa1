import { LRUCache } from 'lru-cache'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { newId, newKey, seal, unseal } from '../kernel/index.ts'
import type { JournalSession } from './journal-session.ts'

/** A value as the journal keeps it when it is personal: which key opens it, and the sealed bytes in base64. */
export interface SealedValue {
  readonly key: string
  readonly sealed: string
}

/** An image as the journal has it. */
export type SealedImage = Record<string, string | null | SealedValue>

export const isSealed = (value: SealedImage[string] | undefined): value is SealedValue =>
  typeof value === 'object' && value !== null

/** The keys of the persons whose data the journal keeps, each sealed under the project's own. */
export interface SubjectKeys {
  /** The keys for one slice of the stream: however many persons are in it, none is forgotten before its end. */
  forSlice(): SliceKeys
  /**
   * Forgets all keys when the number of persons erased so far is another one than before; gives whether they were kept.
   * What was sealed under a key that is gone could never be read again.
   */
  keepUnlessErased(erased: number): boolean
  /** Forgets all keys. */
  clear(): void
}

export interface SliceKeys {
  /** The value's place in an image, as JSON text; undefined for a person whose key is not known. */
  seal(subject: string, relation: string, column: string, value: string): string | undefined
  /** Loads the keys of these persons and makes those that are missing, in the session's transaction. */
  load(session: Pick<JournalSession, 'query'>, subjects: ReadonlySet<string>): Promise<void>
}

interface SubjectKey {
  readonly id: string
  readonly key: Buffer
}

const remembered = 10_000

export function createSubjectKeys(masterKey: Buffer): SubjectKeys {
  const keys = new LRUCache<string, SubjectKey>({ max: remembered })
  let erasedBefore = -1

  return {
    forSlice: () => {
      const own = new Map<string, SubjectKey>()
      const find = (subject: string) => {
        const known = own.get(subject) ?? keys.get(subject)
        if (known) own.set(subject, known)
        return known
      }
      return {
        seal: (subject, relation, column, value) => {
          const found = find(subject)
          if (!found) return undefined
          const sealed = seal(found.key, value, `${relation}.${column}`).toString('base64')
          return JSON.stringify({ key: found.id, sealed } satisfies SealedValue)
        },
        load: async (session, subjects) => {
          for (const [subject, key] of await loadKeys(session, masterKey, [...subjects])) {
            own.set(subject, key)
            keys.set(subject, key)
          }
        },
      }
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
  const made = subjects.map((subject) => {
    const id = newId()
    return { subject, id, sealed: seal(masterKey, newKey(), id) }
  })
  const { rows } = await session.query<{ subject: string; key_id: string; sealed_key: Buffer }>(
    `with wanted as (
      select * from unnest($1::text[], $2::uuid[], $3::bytea[]) w(subject, key_id, sealed_key)
    ), known as (
      select s.subject, s.key_id, s.sealed_key from plinth_journal.subjects s
      join wanted using (subject) where s.sealed_key is not null
    ), added as (
      insert into plinth_journal.subjects (subject, key_id, sealed_key)
      select w.* from wanted w where not exists (select from known k where k.subject = w.subject)
      returning subject, key_id, sealed_key
    )
    select * from known union all select * from added`,
    [made.map((each) => each.subject), made.map((each) => each.id), made.map((each) => each.sealed)],
  )
  return new Map(
    rows.map((row) => [row.subject, { id: row.key_id, key: unseal(masterKey, row.sealed_key, row.key_id) }]),
  )
}

/** Opens sealed values of images; the value of a person who was erased is `undefined`. */
export async function createOpener(
  database: ProjectDatabase,
  masterKey: Buffer,
  keyIds: readonly string[],
): Promise<(relation: string, column: string, value: SealedValue) => string | undefined> {
  const { rows } = await database.asJournal<{ key_id: string; sealed_key: Buffer }>(sql`
    select key_id, sealed_key from plinth_journal.subjects
    where key_id = any (${keyIds}::uuid[]) and sealed_key is not null`)
  const keys = new Map(rows.map((row) => [row.key_id, unseal(masterKey, row.sealed_key, row.key_id)]))
  return (relation, column, value) => {
    const key = keys.get(value.key)
    if (!key) return undefined
    return unseal(key, Buffer.from(value.sealed, 'base64'), `${relation}.${column}`).toString()
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
      where subject = ${subject} and sealed_key is not null`)
    return rowCount ?? 0
  })
}
