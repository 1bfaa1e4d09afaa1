import { sql } from '@plinth/platform/database'
import { certificateBucket, pdfPath } from '../print/pdf-path.ts'
import { type CertificateContext, fileAddressOf } from './context.ts'
import type { ShownCertificate } from './verify.ts'

/** The oldest first. */
export async function findUnprinted(
  { database }: CertificateContext,
  limit: number,
): Promise<readonly string[]> {
  const { rows } = await database.asOwner<{ id: string }>(sql`
    select id from public.certificates
    where pdf_url is null and revoked_at is null and user_id is not null
    order by issued_at, id limit ${limit}`)
  return rows.map(({ id }) => id)
}

/** Sets `pdf_url` unless a newer version has come meanwhile. The file becomes its holder's: it goes when they are erased. */
export async function notePrinted(context: CertificateContext, shown: ShownCertificate): Promise<void> {
  const { id, version, token, userId } = shown
  await context.database.asOwner(sql`
    with printed as (
      update public.certificates c set pdf_url = ${fileAddressOf(context, token)}
      where id = ${id} and user_id is not null and ${version} = (
        select max(version) from private.certificate_statements where certificate_id = c.id))
    update storage.objects set owner_id = ${userId} where bucket_id = ${certificateBucket} and name = ${pdfPath(shown)}`)
}
