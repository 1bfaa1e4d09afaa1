import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defineJob } from './define-job.ts'

/** The job, in every project, that keeps the history of runs from growing for ever. */
export const pruneRunsJob = (database: ProjectDatabase) =>
  defineJob({
    name: 'prune-job-runs',
    summary: 'Forgets runs, and jobs that failed for good, that are older than `keepDays`.',
    schedule: { line: '50 1 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ keepDays: z.number().int().positive().default(90) }),
    run: async ({ clock }, { keepDays }) => {
      const before = new Date(clock.now().getTime() - keepDays * 86_400_000)
      await database.asOwner(
        sql`delete from plinth.job_runs where started_at < ${before} and outcome <> 'running'`,
      )
      await database.asOwner(sql`
        select graphile_worker.complete_jobs(array_agg(id)) from graphile_worker.jobs
        where attempts >= max_attempts and locked_at is null and updated_at < ${before}
        having count(*) > 0`)
    },
  })
