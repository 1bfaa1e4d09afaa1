import { sendFile } from '@plinth/platform/routes'
import { z } from 'zod'
import { certificateErrors } from '../certificates/errors.ts'
import { certificateBucket, pdfPath } from '../certificates/print/pdf-path.ts'
import { defineFunction } from '../uses.ts'

const token = z.string().regex(/^[0-9a-f]{32}$/)
const html = { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' }

/**
 * What the QR code of a certificate leads to: a page that verifies the certificate in the browser. Saved, it goes on doing so
 * without this server. Without a token it verifies whatever file it is given.
 */
export const verifyCertificatePage = defineFunction({
  name: 'verify-certificate',
  summary: 'The page that verifies a certificate, also offline.',
  access: 'public',
  methods: ['GET'],
  limit: { calls: 60, seconds: 60, per: 'address' },
  respond: async (request, { certificates }) => {
    const given = new URL(request.url).searchParams.get('token')
    if (given === null) return new Response(await certificates.page(), { headers: html })
    const known = token.safeParse(given)
    if (!known.success) throw certificateErrors.certificate_not_found()
    return new Response(await certificates.page(await certificates.show({ token: known.data })), {
      headers: html,
    })
  },
})

/** A certificate's files, for whoever has its token: the PDF, or the JSON that the page and other programs verify. */
export const certificateFile = defineFunction({
  name: 'certificate-file',
  summary: 'The PDF of a certificate, or the file that proves it.',
  access: 'public',
  methods: ['GET'],
  limit: { calls: 60, seconds: 60, per: 'address' },
  input: z.object({ token, type: z.enum(['pdf', 'json']).default('pdf') }),
  output: z.never(),
  handle: async ({ certificates, files, asService }, { token: known, type }) => {
    const shown = await certificates.show({ token: known })
    if (shown.verification.state === 'invalid') throw certificateErrors.certificate_altered()
    const { number } = shown.verification.facts
    if (type === 'json')
      return sendFile(JSON.stringify(shown.bundle, null, 2), {
        type: 'application/json',
        name: `${number}.json`,
      })
    if (shown.pdfUrl === null) throw certificateErrors.certificate_not_printed()
    const bucket = files
      .as(asService('whoever has the token of a certificate gets its PDF'))
      .bucket(certificateBucket)
    const bytes = await bucket.read(pdfPath(shown))
    return sendFile(new Uint8Array(bytes), { type: 'application/pdf', name: `${number}.pdf` })
  },
})
