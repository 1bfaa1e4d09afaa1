import { type JobDefinition, pruneRunsJob } from '@plinth/platform/jobs'
import { archiveJournalJob } from './archive-journal-job.ts'
import { journalKeyOf } from './open-tail.ts'
import { pruneWebhooksJob } from './prune-webhooks-job.ts'
import type { CommandProject } from './with-project.ts'

/** The jobs of a project: its system's own and those that every project has. */
export const jobsOf = ({
  system,
  database,
  secrets,
  dataDir,
}: Pick<CommandProject, 'system' | 'database' | 'secrets' | 'dataDir'>): readonly JobDefinition[] => [
  ...system.jobs,
  archiveJournalJob(database, journalKeyOf(system, secrets.sealingKey, dataDir).folder),
  pruneRunsJob(database),
  pruneWebhooksJob(database),
]
