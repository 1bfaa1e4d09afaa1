import { sql } from '@plinth/platform/database'
import { jobErrors } from '@plinth/platform/jobs'
import { messageOf } from '@plinth/platform/kernel'
import type { Command } from 'commander'
import { onProject } from '../attach/on-project.ts'
import type { CommandProject } from '../attach/with-project.ts'
import { printRows } from '../terminal/print-rows.ts'

export function addJobsCommand(program: Command): void {
  const jobs = program.command('jobs').description('see what ran and what is due, or run a job now')
  jobs
    .command('list')
    .description('the jobs of a system with their schedule and last run')
    .argument('<system>')
    .option('--json', 'as JSON')
    .action((system: string, options: { json?: boolean }) =>
      onProject(system, async (project) => printRows(await listJobs(project), options), { asServed: true }),
    )
  jobs
    .command('run')
    .description('queue a job now; a running server picks it up at once')
    .argument('<system>')
    .argument('<job>')
    .argument('[payload]', 'JSON', '{}')
    .action((system: string, job: string, payload: string) =>
      onProject(system, async (project) => {
        const id = await project.jobs.add(job, parseJson(job, payload))
        process.stdout.write(`queued ${job} as ${id}\n`)
      }),
    )
}

function parseJson(job: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw jobErrors.invalid_payload({ name: job, problems: messageOf(cause) }, cause)
  }
}

async function listJobs({ database }: CommandProject) {
  const { rows } = await database.asOwner<Record<string, string | null>>(sql`
    select jobs.name as job, cron_line as schedule, cron_zone as zone, last.outcome, last.started_at as started, last.error
    from plinth.jobs left join lateral (
      select outcome, started_at, error from plinth.job_runs where job = jobs.name order by started_at desc limit 1
    ) as last on true
    order by jobs.name`)
  return rows
}
