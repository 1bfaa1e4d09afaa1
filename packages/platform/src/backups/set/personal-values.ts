import type pg from 'pg'
import type { ProjectDatabase } from '../../database/index.ts'
import {
  createOpener,
  createSubjectKeys,
  type OpenBlock,
  type SealedBlock,
  subjectName,
} from '../../journal/index.ts'
import { createTurns, seal } from '../../kernel/index.ts'
import { decodeField, encodeField, fieldsOf, linesOf } from '../format/copy-text.ts'
import type { RowHash } from '../format/row-hash.ts'
import type { SetTable } from './tenant-set.ts'

/**
 * Personal values lie in a backup as in the journal: sealed under the person's key, which is kept apart. Once the person is
 * erased, no backup can say them any more.
 */
export interface PersonalValues {
  /** Rows with their personal fields emptied and sealed in one more field; the hash takes them without those. */
  sealLines(table: SetTable, piece: Buffer, hash: RowHash): Promise<Buffer>
  /** The rows as they were, with one more field: `t` where a value could not be opened because its person was erased. */
  openLines(table: PersonalShape, piece: Buffer): Promise<Buffer>
}

/** What has to be known of a table to open its rows. */
export interface PersonalShape {
  readonly relation: string
  /** Names, in the order of the fields. */
  readonly columns: readonly string[]
  readonly personal: readonly string[]
}

export interface PersonalValuesOptions {
  readonly database: ProjectDatabase
  /** The journal's own key. */
  readonly key: Buffer
}

export function createPersonalValues({ database, key }: PersonalValuesOptions): PersonalValues {
  const subjects = createSubjectKeys(key)
  const query = ((text: string, values?: unknown[]) =>
    database.asJournal({ text, values: values ?? [] })) as unknown as pg.Client['query']

  async function keysOf(names: ReadonlySet<string>) {
    const missing = [...names].filter((name) => !subjects.find(name))
    const loaded = missing.length > 0 ? await subjects.load({ query }, missing) : new Map()
    return (name: string) => subjects.find(name) ?? loaded.get(name)!
  }

  return {
    sealLines: async (table, piece, hash) => {
      const turns = createTurns()
      const places = table.personal.map((name) => table.columns.findIndex((column) => column.name === name))
      const subject = table.columns.findIndex(({ name }) => name === table.subject)
      const rows = [...linesOf(piece)].map((line) => {
        const fields = fieldsOf(line.toString())
        return { fields, person: subjectName(decodeField(fields[subject]!) ?? '') }
      })
      const keyOf = await keysOf(new Set(rows.map(({ person }) => person)))
      const sealed: string[] = []
      for (const { fields, person } of rows) {
        const values: Record<string, string> = {}
        for (const place of places) {
          const value = decodeField(fields[place]!)
          if (value !== null) values[table.columns[place]!.name] = value
          fields[place] = '\\N'
        }
        const line = fields.join('\t')
        hash.add(line)
        const { id, key: own } = keyOf(person)
        const isEmpty = Object.keys(values).length === 0
        const block = isEmpty
          ? null
          : JSON.stringify({
              key: id,
              sealed: seal(own, JSON.stringify({ after: values }), table.relation).toString('base64'),
            } satisfies SealedBlock)
        sealed.push(`${line}\t${encodeField(block)}\n`)
        if (turns.isDue()) await turns.take()
      }
      return Buffer.from(sealed.join(''))
    },
    openLines: async (table, piece) => {
      const rows = [...linesOf(piece)].map((line) => fieldsOf(line.toString()))
      const blocks = rows.map((fields) => blockOf(fields.pop()!))
      const open = await createOpener(
        database,
        key,
        blocks.filter((block) => block !== null),
      )
      return joinOpened(table, rows, blocks, open)
    },
  }
}

/** The field of a row whose values were sealed under a key that is gone: nobody opens it. */
export const closedField = (keyId: string): string => encodeField(JSON.stringify({ key: keyId, sealed: '' }))

const blockOf = (field: string): SealedBlock | null => {
  const text = decodeField(field)
  return text === null ? null : (JSON.parse(text) as SealedBlock)
}

async function joinOpened(
  table: PersonalShape,
  rows: readonly string[][],
  blocks: readonly (SealedBlock | null)[],
  open: OpenBlock,
): Promise<Buffer> {
  const turns = createTurns()
  const lines: string[] = []
  for (const [place, fields] of rows.entries()) {
    const block = blocks[place]
    const values = block ? open(table.relation, block)?.after : {}
    for (const [name, value] of Object.entries(values ?? {})) {
      const at = table.columns.indexOf(name)
      if (at >= 0) fields[at] = encodeField(value)
    }
    lines.push(`${fields.join('\t')}\t${values ? 'f' : 't'}\n`)
    if (turns.isDue()) await turns.take()
  }
  return Buffer.from(lines.join(''))
}
