import { type ProjectDatabase, sql } from '../database/index.ts'
import { newId, newKey, seal, unseal } from '../kernel/index.ts'

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
  /** Loads the keys of these persons and makes those that are missing. */
  prepare(subjects: ReadonlySet<string>): Promise<void>
  /** Forgets those of these persons who were erased meanwhile, also by another process; true when there were any. */
  forgetErased(subjects: ReadonlySet<string>): Promise<boolean>
  /** The value's place in an image, as JSON text; undefined for a person who was not prepared. */
  seal(subject: string, relation: string, column: string, value: string): string | undefined
}

interface SubjectKey {
  readonly id: string
  readonly key: Buffer
}

const remembered = 10_000

export function createSubjectKeys(database: ProjectDatabase, masterKey: Buffer): SubjectKeys {
  const keys = new Map<string, SubjectKey>()

  /** A person who was erased and comes back gets a new key: the old values stay closed. */
  async function load(subjects: readonly string[]): Promise<void> {
    const made = subjects.map((subject) => {
      const id = newId()
      return { subject, id, sealed: seal(masterKey, newKey(), id) }
    })
    const { rows } = await database.asJournal<{ subject: string; key_id: string; sealed_key: Buffer }>(sql`
      with wanted as (
        select * from unnest(${made.map((each) => each.subject)}::text[],
          ${made.map((each) => each.id)}::uuid[], ${made.map((each) => each.sealed)}::bytea[]) w(subject, key_id, sealed_key)
      ), known as (
        select s.subject, s.key_id, s.sealed_key from plinth_journal.subjects s
        join wanted using (subject) where s.sealed_key is not null
      ), added as (
        insert into plinth_journal.subjects (subject, key_id, sealed_key)
        select w.* from wanted w where not exists (select from known k where k.subject = w.subject)
        returning subject, key_id, sealed_key
      )
      select * from known union all select * from added`)
    for (const row of rows)
      keys.set(row.subject, { id: row.key_id, key: unseal(masterKey, row.sealed_key, row.key_id) })
  }

  return {
    prepare: async (subjects) => {
      if (keys.size > remembered) keys.clear()
      await load([...subjects])
    },
    forgetErased: async (subjects) => {
      const known = [...subjects].flatMap((subject) => keys.get(subject)?.id ?? [])
      const { rows } = await database.asJournal<{ subject: string }>(sql`
        select subject from plinth_journal.subjects where key_id = any (${known}::uuid[]) and sealed_key is null`)
      for (const { subject } of rows) keys.delete(subject)
      return rows.length > 0
    },
    seal: (subject, relation, column, value) => {
      const found = keys.get(subject)
      if (!found) return undefined
      const sealed = seal(found.key, value, `${relation}.${column}`).toString('base64')
      return JSON.stringify({ key: found.id, sealed } satisfies SealedValue)
    },
  }
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
 * stays whole. Gives how many keys were destroyed.
 */
export async function eraseSubject(database: ProjectDatabase, subject: string): Promise<number> {
  const { rowCount } = await database.asJournal(sql`
    update plinth_journal.subjects set sealed_key = null, erased_at = clock_timestamp()
    where subject = ${subject} and sealed_key is not null`)
  return rowCount ?? 0
}
