import type { ShownCertificate } from '../service/verify.ts'

/** The bucket of PDFs. No policy opens it: files go out by the certificate's token. */
export const certificateBucket = 'certificates'

/** A folder per certificate, a file per version. */
export const pdfPath = ({ id, version }: Pick<ShownCertificate, 'id' | 'version'>): string =>
  `${id}/v${version}.pdf`
