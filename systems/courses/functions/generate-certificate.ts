import { ask, sql } from '@plinth/platform/database'
import { type AccessRequest, routeErrors } from '@plinth/platform/routes'
import { z } from 'zod'
import { certificateErrors } from '../certificates/errors.ts'
import type { CertificateName, ShownCertificate } from '../certificates/service/verify.ts'
import { courseErrors } from '../errors.ts'
import { defineFunction } from '../uses.ts'

const instant = (milliseconds: number) => new Date(milliseconds).toISOString()

/** What anybody who has the token learns: whose, for what, when, and whether it holds. */
const certificate = z.object({
  certificate_number: z.string(),
  status: z.enum(['valid', 'revoked', 'superseded', 'expired', 'unknown']),
  valid: z.boolean(),
  holder: z.string(),
  course: z.string(),
  held_at: z.string(),
  issuer: z.string(),
  issuer_id: z.string(),
  issued_at: z.string(),
  expires_at: z.string().nullable(),
  version: z.number(),
  verify_url: z.string(),
  pdf_url: z.string().nullable(),
})

function publicView(
  { bundle, verification, version, pdfUrl }: ShownCertificate,
  issuerId: string,
): z.output<typeof certificate> {
  if (verification.state === 'invalid') throw certificateErrors.certificate_altered()
  const { state, facts } = verification
  return {
    certificate_number: facts.number,
    status: state,
    valid: state === 'valid',
    holder: facts.holder,
    course: facts.course,
    held_at: instant(facts.startsAt),
    issuer: facts.issuer,
    issuer_id: issuerId,
    issued_at: instant(facts.validFrom),
    expires_at: facts.validUntil === null ? null : instant(facts.validUntil),
    version,
    verify_url: bundle.address,
    pdf_url: pdfUrl,
  }
}

const own = z.object({
  id: z.string(),
  certificate_number: z.string(),
  verification_token: z.string(),
  issued_at: z.string(),
  pdf_url: z.string().nullable(),
  revoked_at: z.string().nullable(),
  event: z.object({
    id: z.string(),
    title: z.string(),
    category: z.string(),
    starts_at: z.string(),
    ends_at: z.string(),
  }),
})

/** Who is signed in, the service, and whoever has a token. */
const withToken = ({ query, userId, caller }: AccessRequest) =>
  query.has('token') || userId !== null || caller.role === 'service_role'

/**
 * C-F5: issues the certificate of a registration (POST), lists those of who is signed in (GET), verifies one for anybody who has
 * its token (GET `?token=`).
 */
export const generateCertificate = defineFunction({
  name: 'generate-certificate',
  summary: 'Issues, lists and verifies certificates.',
  access: withToken,
  methods: ['POST', 'GET'],
  limit: { calls: 60, seconds: 60, per: 'address' },
  input: z.object({
    registrationId: z.uuid().optional(),
    token: z
      .string()
      .regex(/^[0-9a-f]{32}$/)
      .optional(),
  }),
  output: z.object({ certificate: certificate.optional(), certificates: z.array(own).optional() }),
  handle: async ({ certificates, request, caller, userId, db }, { registrationId, token }) => {
    const show = async (name: CertificateName) => ({
      certificate: publicView(await certificates.show(name), certificates.issuer.did),
    })
    if (request.method === 'GET' && token) return show({ token })
    if (userId === null && caller.role !== 'service_role')
      throw routeErrors.sign_in_required({ name: 'generate-certificate' })
    if (request.method === 'GET')
      return { certificates: await ask<z.output<typeof own>[]>(db, ownCertificates, { readOnly: true }) }
    // Policies say whose registrations the caller sees: their own, and those of events that they hold.
    const { rows } = await db.query(
      sql`select id from public.registrations where id = ${registrationId ?? null}`,
      { readOnly: true },
    )
    if (!rows[0]) throw courseErrors.registration_not_found({ registration_id: registrationId ?? null })
    return show({ id: await certificates.issueFor(registrationId!) })
  },
})

/** The latest 500, by the policies of the table. */
const ownCertificates = sql`
  select coalesce(jsonb_agg(jsonb_build_object('id', c.id, 'certificate_number', c.certificate_number,
    'verification_token', c.verification_token, 'issued_at', c.issued_at, 'pdf_url', c.pdf_url, 'revoked_at', c.revoked_at,
    'event', jsonb_build_object('id', e.id, 'title', e.title, 'category', e.category, 'starts_at', e.starts_at, 'ends_at', e.ends_at))
    order by c.issued_at desc), '[]') as answer
  from (select * from public.certificates where user_id = (select auth.uid()) order by issued_at desc limit 500) c
  join public.events e on e.id = c.event_id`
