import type { ProjectDatabase } from '@plinth/platform/database'
import { type JobDefinition, pruneRunsJob } from '@plinth/platform/jobs'
import type { SystemDeclaration } from '@plinth/platform/system'
import { archiveJournalJob } from './archive-journal-job.ts'
import { journalKeyOf } from './open-tail.ts'
import type { ProjectSecrets } from './project-secrets.ts'
import { pruneWebhooksJob } from './prune-webhooks-job.ts'

export interface JobSurroundings {
  readonly system: SystemDeclaration
  readonly database: ProjectDatabase
  readonly secrets: ProjectSecrets
  readonly dataDir: string
}

/** The jobs of a project: its system's own and those that every project has. */
export const jobsOf = ({ system, database, secrets, dataDir }: JobSurroundings): readonly JobDefinition[] => [
  ...system.jobs,
  archiveJournalJob(database, journalKeyOf(system, secrets.sealingKey, dataDir).folder),
  pruneRunsJob(database),
  pruneWebhooksJob(database),
]
