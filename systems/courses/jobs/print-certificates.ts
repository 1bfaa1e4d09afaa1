import { hasCode } from '@plinth/platform/kernel'
import { z } from 'zod'
import { certificateBucket, pdfPath } from '../certificates/print/pdf-path.ts'
import { defineJob } from '../uses.ts'

const page = 50

/** Makes and stores the PDFs of certificates that have none: after each issue, and once an hour what was left. */
export const printCertificates = defineJob({
  name: 'print-certificates',
  summary: 'Makes the PDFs of certificates that have none.',
  schedule: { line: '15 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ certificates, files, signal, log }) => {
    const bucket = files.bucket(certificateBucket)
    const failed = new Set<string>()
    for (;;) {
      const ids = await certificates.unprinted(page + failed.size)
      const next = ids.filter((id) => !failed.has(id))
      if (next.length === 0 || signal.aborted) break
      for (const id of next) {
        if (signal.aborted) break
        try {
          const shown = await certificates.show({ id })
          const bytes = await certificates.print(shown)
          await bucket.upload(pdfPath(shown), bytes, { contentType: 'application/pdf', upsert: true })
          await certificates.printed(shown)
        } catch (error) {
          if (!hasCode(error, 'certificate_altered') && !hasCode(error, 'certificate_not_found')) throw error
          failed.add(id)
        }
      }
    }
    if (failed.size > 0)
      log.error({ certificates: [...failed].slice(0, 10) }, 'certificates could not be printed')
  },
})
