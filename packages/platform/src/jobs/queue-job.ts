import { type ProjectDatabase, sql } from '../database/index.ts'
import type { JobDefinition, QueueOptions } from './define-job.ts'
import { jobErrors } from './errors.ts'
import { parsePayload } from './run-job.ts'

/** Queues a job; any node picks it up. Gives its id. Fails with `unknown_job` or `invalid_payload`. */
export async function queueJob(
  database: ProjectDatabase,
  jobs: readonly JobDefinition[],
  name: string,
  payload: unknown = {},
  { runAt, key }: QueueOptions = {},
): Promise<string> {
  const definition = jobs.find((job) => job.name === name)
  if (!definition)
    throw jobErrors.unknown_job({ name, known: jobs.map((job) => job.name).join(', ') || 'none' })
  parsePayload(definition, payload)
  const { rows } = await database.asOwner<{ id: string }>(
    sql`select plinth.add_job(${name}, ${JSON.stringify(payload)}, ${runAt ?? null}, ${key ?? null}) as id`,
  )
  return rows[0]!.id
}
