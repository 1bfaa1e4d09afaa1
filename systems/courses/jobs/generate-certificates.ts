import { z } from 'zod'
import { defineJob } from '../uses.ts'

/** C-J5: issues certificates of completed events to everybody who has earned one. */
export const generateCertificates = defineJob({
  name: 'generate-certificates',
  summary: 'Issues certificates of completed events to everybody who has earned one.',
  schedule: { line: '0 * * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ certificates, db, signal, log }) => {
    // Who never checked out was there until the end.
    await certificates.closeStays()
    let issued = 0
    for (let made = -1; made !== 0 && !signal.aborted; ) {
      made = (await certificates.issue({ by: db.caller })).length
      issued += made
    }
    log.info({ issued }, 'certificates issued')
  },
})

/** Compares certificates with what was signed and logged, each night. */
export const auditCertificates = defineJob({
  name: 'audit-certificates',
  summary: 'Compares every certificate with what was signed and logged; the health page names what differs.',
  schedule: { line: '40 3 * * *', zone: 'UTC', catchUp: 'once' },
  payload: z.object({}),
  concurrency: 1,
  run: async ({ certificates, log }) => {
    const findings = await certificates.audit()
    if (findings.length > 0)
      log.error({ findings: findings.slice(0, 10) }, 'certificates differ from what was signed')
  },
})
