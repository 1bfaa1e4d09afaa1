import { z } from 'zod'

/** What an operator says about certificates: `PLINTH_COURSES_CERTIFICATES_…`. */
export const certificateSettings = z.object({
  issuerName: z
    .string()
    .trim()
    .min(1)
    .max(200)
    .default('Courses')
    .describe('Who issues certificates, as they say it.'),
  issuerUrl: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe('The issuer’s web page. Default none.'),
  validDays: z
    .number()
    .int()
    .min(1)
    .max(36_500)
    .optional()
    .describe('Days after which a certificate expires. Default: it does not.'),
  statusHours: z
    .number()
    .min(1)
    .max(720)
    .default(24)
    .describe(
      'Hours for which a status list may be taken for the present state. After that verifiers say “unknown since”.',
    ),
})

export type CertificateSettings = z.output<typeof certificateSettings>
