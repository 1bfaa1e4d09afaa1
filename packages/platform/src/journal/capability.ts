import { join } from 'node:path'
import type pg from 'pg'
import { z } from 'zod'
import { withPinnedClient } from '../database/index.ts'
import { defineJob } from '../jobs/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { type ArchivedDay, type ArchiveOptions, archiveJournal } from './archive-journal.ts'
import { createJournal } from './create-journal.ts'
import { readJournalMigrations } from './migrations.ts'
import { recordJournalledTables } from './publish-tables.ts'
import { eraseSubject } from './seal/subject-keys.ts'
import { type ShownEntry, type ShowOptions, showJournal } from './show-journal.ts'
import { type JournalVerification, type VerifyOptions, verifyJournal } from './verify-journal.ts'
import { createWitness } from './witness/witness.ts'

/** A project's journal, for other capabilities and for commands. */
export interface JournalOffer {
  /** 32 bytes; seals personal values and the chain heads. */
  readonly key: Buffer
  show(options: Omit<ShowOptions, 'database' | 'key'>): Promise<ShownEntry[]>
  /** Destroys a person's key: their values in the journal cannot be opened again. Gives how many keys there were. */
  erase(person: string): Promise<number>
  verify(options: Omit<VerifyOptions, 'database' | 'key' | 'folder'>): Promise<JournalVerification>
  /** Moves days that are old enough into files. */
  archive(options: Pick<ArchiveOptions, 'clock' | 'keepDays'>): Promise<readonly ArchivedDay[]>
  /** Takes the database as it is for what was witnessed, and says why. What was found before is not found any more. */
  accept(reason: string): Promise<void>
}

export const journalOffer = offerKey<JournalOffer>('journal')

const settings = z.object({
  keepDays: z
    .number()
    .int()
    .positive()
    .default(30)
    .describe('Days that the journal stays in the database; older ones go to compressed files.'),
  witnessCopy: z
    .string()
    .optional()
    .describe('Folder on another disk or machine that gets a second copy of the witness. Default none.'),
})

/** Every change of a journalled row, kept in commit order and chained by hash. */
export const journal = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'journal',
    migrations: readJournalMigrations,
    settings,
    defaults,
    connections: 1,
    open: (project) => {
      const { database, system, clock, log } = project
      const key = project.deriveKey('journal')
      const folder = project.folder('journal')
      const { witnessCopy } = project.settings
      const copyFolder = witnessCopy === undefined ? undefined : join(witnessCopy, system.name)
      const witness = createWitness({ folder, copyFolder, key, clock, log })
      const offer: JournalOffer = {
        key,
        show: (options) => showJournal({ ...options, database, key }),
        erase: (person) => eraseSubject(database, person),
        verify: (options) => verifyJournal({ ...options, database, key, folder, copyFolder }),
        archive: (options) => archiveJournal({ ...options, database, folder, witness }),
        accept: (reason) => asJournal((client) => witness.accept(client, reason)),
      }
      const { journalledTables: journalled, tenant, personalColumns: personal = {} } = system
      const asJournal = <T>(work: (client: pg.Client) => Promise<T>) =>
        withPinnedClient(database.addresses.journal, 'plinth journal witness', work)
      return {
        offer,
        jobs: [archiveJob(offer.archive, project.settings.keepDays)],
        consumers: { durable: [createJournal({ database, key, folder, witness, clock, log })] },
        publishes: async () => {
          await asJournal(witness.checkPublication)
          return { tables: journalled, extend: recordJournalledTables({ journalled, tenant, personal }) }
        },
        start: () => asJournal(witness.published),
        close: () => witness.close(),
      }
    },
  })

const archiveJob = (archive: JournalOffer['archive'], keepDays: number) =>
  defineJob({
    name: 'archive-journal',
    summary: 'Moves days of the journal that are older than its retention into compressed files.',
    schedule: { line: '30 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().positive().default(keepDays) }),
    concurrency: 1,
    run: async ({ clock, log }, payload) => {
      const days = await archive({ clock, keepDays: payload.keepDays })
      if (days.length > 0) log.info({ days: days.map(({ day }) => day) }, 'journal archived')
    },
  })
