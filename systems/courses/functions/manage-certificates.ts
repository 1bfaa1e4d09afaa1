import { z } from 'zod'
import { defineFunction } from '../uses.ts'

const changed = z.object({ id: z.string(), status: z.string(), version: z.number() })

/** Takes a certificate back. Its address stays and says so; audited by the table's trigger with the reason. */
export const revokeCertificate = defineFunction({
  name: 'revoke-certificate',
  summary: 'Revokes a certificate, for a reason.',
  access: 'admin',
  input: z.object({ certificateId: z.uuid(), reason: z.string().trim().min(3).max(2000) }),
  output: changed,
  handle: async ({ certificates, caller }, { certificateId: certificate, reason }) => {
    await certificates.revoke({ by: caller, certificate, reason })
    const { id, verification, version } = await certificates.show({ id: certificate })
    return { id, status: verification.state, version }
  },
})

/** Issues a certificate anew, with the holder's name as it should be: number and address stay, the version before is superseded. */
export const reissueCertificate = defineFunction({
  name: 'reissue-certificate',
  summary: 'Issues a new version of a certificate under the same number and address.',
  access: 'admin',
  input: z.object({ certificateId: z.uuid(), holder: z.string().trim().min(1).max(200).optional() }),
  output: changed,
  handle: async ({ certificates, caller }, { certificateId: certificate, holder }) => {
    await certificates.reissue({ by: caller, certificate, holder })
    const { id, verification, version } = await certificates.show({ id: certificate })
    return { id, status: verification.state, version }
  },
})
