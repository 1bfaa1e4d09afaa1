import type { ProjectDatabase } from '@plinth/platform/database'
import { defineJob } from '@plinth/platform/jobs'
import { archiveJournal } from '@plinth/platform/journal'
import { z } from 'zod'

/** The job, in every project, that moves days of the journal that are old enough from the database to files. */
export const archiveJournalJob = (database: ProjectDatabase, folder: string) =>
  defineJob({
    name: 'archive-journal',
    summary: 'Moves days of the journal that are older than its retention into compressed files.',
    schedule: { line: '30 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().positive().default(30) }),
    run: async ({ clock, log }, { keepDays }) => {
      const days = await archiveJournal({ database, folder, clock, keepDays })
      if (days.length > 0) log.info({ days: days.map(({ day }) => day) }, 'journal archived')
    },
  })
