import { z } from 'zod'
import { listBits } from '../certificates/credential/status-list.ts'
import { certificateErrors } from '../certificates/errors.ts'
import { defineFunction } from '../uses.ts'

/** A number of the query string. */
const whole = z.coerce.number().int().min(0).max(Number.MAX_SAFE_INTEGER)

/** The signed status lists, for verifiers: a VC-JWT each, as the certificates name them. */
export const certificateStatus = defineFunction({
  name: 'certificate-status',
  summary: 'A signed status list of certificates (Bitstring Status List 1.0).',
  access: 'public',
  methods: ['GET'],
  limit: { calls: 120, seconds: 60, per: 'address' },
  input: z.object({
    list: whole.default(0),
    purpose: z.enum(['revocation', 'refresh']).default('revocation'),
  }),
  output: z.never(),
  handle: async ({ certificates }, { list, purpose }) => {
    const head = await certificates.log.head()
    // There is no list of a number that no certificate has: nobody makes this process sign what is of no use.
    if (list > Math.floor((head?.size ?? 0) / listBits)) throw certificateErrors.certificate_not_found()
    const [revocation, refresh] = await certificates.statusLists(list)
    return new Response(purpose === 'refresh' ? refresh : revocation, {
      headers: { 'content-type': 'application/vc+jwt', 'cache-control': 'public, max-age=300' },
    })
  },
})

const hex = z.string()

/** The log, for whoever watches it: its signed head, leaf hashes, and proofs. It names nobody. */
export const certificateLog = defineFunction({
  name: 'certificate-log',
  summary: 'The signed head of the log of certificates, with proofs.',
  access: 'public',
  methods: ['GET'],
  limit: { calls: 120, seconds: 60, per: 'address' },
  input: z.object({
    /** Proves that the head continues the log as it was with so many leaves. */
    since: whole.optional(),
    /** Proves this leaf. */
    leaf: whole.optional(),
    /** Gives up to 1,000 leaf hashes from here on. */
    from: whole.optional(),
  }),
  output: z.object({
    issuer: z.string(),
    checkpoint: z.string().nullable(),
    consistency: z.array(hex).optional(),
    inclusion: z.array(hex).optional(),
    leaves: z.array(hex).optional(),
  }),
  handle: async ({ certificates }, { since, leaf, from }) => {
    const { issuer, log } = certificates
    const text = (hashes: readonly Buffer[]) => hashes.map((hash) => hash.toString('base64'))
    const head = await log.head()
    const [proof] = leaf === undefined ? [] : await log.proveLeaves([leaf], head)
    const growth = since === undefined ? undefined : await log.proveGrowth(since, head)
    return {
      issuer: issuer.did,
      checkpoint: head?.note ?? null,
      ...(growth ? { consistency: text(growth.path) } : {}),
      ...(proof ? { inclusion: text(proof.path) } : {}),
      ...(from === undefined ? {} : { leaves: text(await log.leaves([from, from + 1_000])) }),
    }
  },
})
