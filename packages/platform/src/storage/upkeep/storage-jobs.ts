import { z } from 'zod'
import { defineJob, type JobDefinition } from '../../jobs/index.ts'
import type { StorageContext } from '../storage-context.ts'
import { postPurge } from './purge-cdn.ts'
import { reconcileBytes } from './reconcile-bytes.ts'
import { graceHours, sweepBytes } from './sweep-bytes.ts'

export const purgeJob = 'purge-cdn'
export const sweepJob = 'sweep-files'

/** What keeps rows and bytes in step. `expireUploads`: removes resumable uploads whose time is over. */
export const storageJobs = (
  storage: StorageContext,
  expireUploads: () => Promise<number>,
): JobDefinition[] => [
  defineJob({
    name: sweepJob,
    summary: 'Removes bytes that no object, and no object of before, names any more.',
    schedule: { line: '20 * * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ grace: z.number().int().min(0).default(graceHours) }),
    concurrency: 1,
    run: async ({ log }, { grace }) => {
      const expired = await expireUploads()
      const { removed, forgotten } = await sweepBytes(storage, { grace })
      if (removed + expired > 0)
        log.info({ removed, expired, forgotten }, 'files that nothing names were removed')
    },
  }),
  defineJob({
    name: 'reconcile-files',
    summary: 'Compares what the database says of files with what is stored, both ways.',
    schedule: { line: '50 2 * * *', zone: 'UTC', catchUp: 'once' },
    payload: z.object({ deep: z.boolean().default(false) }),
    concurrency: 1,
    run: async ({ log }, { deep }) => {
      const { orphans, missing, checked } = await reconcileBytes(storage, { deep })
      if (orphans.length > 0)
        log.warn({ orphans: orphans.length, checked }, 'bytes without a row were removed')
      if (missing.length > 0)
        log.error(
          { missing: missing.length, first: missing.slice(0, 10), checked },
          'files without their bytes',
        )
    },
  }),
  defineJob({
    name: purgeJob,
    summary: 'Tells the CDN which public files have changed.',
    payload: z.object({ paths: z.array(z.string()).min(1) }),
    run: async (_context, { paths }) => {
      const { purgeUrl: url, purgeToken: token } = storage.settings
      if (url !== undefined) await postPurge({ url, token, projectUrl: storage.url }, paths)
    },
  }),
]
