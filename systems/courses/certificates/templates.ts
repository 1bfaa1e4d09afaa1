import { defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

/** What a holder gets when a certificate is issued, or a new version of it. */
export const certificateIssued = defineTemplate({
  name: 'certificate-issued',
  summary: 'A certificate was issued, or a new version of it.',
  topic: 'certificates',
  variables: z.object({ course: z.string(), number: z.string(), address: z.string() }),
  sample: {
    course: 'SQL in two hours',
    number: 'CERT-2026-7K3QF-9XM4T',
    address: 'https://courses.example/functions/v1/verify-certificate?token=6f1c2d3e4b5a69788796a5b4c3d2e1f0',
  },
  url: '{{ address }}',
  texts: {
    en: {
      subject: 'Your certificate: {{ course }}',
      text: 'Your certificate for {{ course }} is ready. Its number is {{ number }}. Anybody who has this address can verify it: {{ address }}',
      action: 'Show the certificate',
    },
    hi: {
      subject: 'आपका प्रमाणपत्र: {{ course }}',
      text: '{{ course }} का आपका प्रमाणपत्र तैयार है। इसकी संख्या {{ number }} है। इस पते से कोई भी इसे जाँच सकता है: {{ address }}',
      action: 'प्रमाणपत्र देखें',
    },
  },
})
