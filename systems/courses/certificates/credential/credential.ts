import type { Issuer } from './issuer.ts'
import { instantOf, secondsOf, signJwt } from './sign-jwt.ts'
import { type StatusListPlace, statusAddressOf } from './status-list.ts'

/** What a certificate says: the least that lets a reader recognise whose and for what it is. */
export interface CertificateFacts {
  /** Of this version of the certificate; random. */
  readonly credentialId: string
  readonly number: string
  /** The holder's name, as it was when the certificate was issued. */
  readonly holder: string
  readonly course: {
    readonly id: string
    readonly title: string
    readonly description: string
    readonly startsAt: Date
    readonly endsAt: Date
  }
  /** Minutes in the session. */
  readonly minutes: number | null
  readonly issuedAt: Date
  readonly expiresAt: Date | null
}

/** Contexts of the credential: JSON-LD names, read by nobody who verifies a JWT. */
export const credentialContexts = [
  'https://www.w3.org/ns/credentials/v2',
  'https://purl.imsglobal.org/spec/ob/v3p0/context-3.0.3.json',
] as const

/**
 * The certificate as an Open Badges 3.0 credential in a VC-JWT: the credential's members are the payload, beside `iss`, `jti`,
 * `nbf` and `exp` (1EdTech Open Badges 3.0, 8.2). `place` is its leaf in the log, and its bit in the status list.
 */
export function signCredential(issuer: Issuer, facts: CertificateFacts, place: StatusListPlace): string {
  const { credentialId, issuedAt, expiresAt } = facts
  const credential = credentialOf(issuer, facts, place)
  return signJwt(issuer, {
    ...credential,
    jti: `urn:uuid:${credentialId}`,
    nbf: secondsOf(issuedAt),
    ...(expiresAt ? { exp: secondsOf(expiresAt) } : {}),
  })
}

export function credentialOf({ did, name, url }: Issuer, facts: CertificateFacts, place: StatusListPlace) {
  const { course, holder, minutes, number, issuedAt, expiresAt } = facts
  const list = statusAddressOf(place, 'revocation')
  return {
    '@context': credentialContexts,
    id: `urn:uuid:${facts.credentialId}`,
    type: ['VerifiableCredential', 'OpenBadgeCredential'],
    name: course.title,
    issuer: { id: did, type: ['Profile'], name, ...(url ? { url } : {}) },
    validFrom: instantOf(issuedAt),
    ...(expiresAt ? { validUntil: instantOf(expiresAt) } : {}),
    credentialSubject: {
      type: ['AchievementSubject'],
      identifier: [{ type: 'IdentityObject', identityHash: holder, identityType: 'name', hashed: false }],
      activityStartDate: instantOf(course.startsAt),
      activityEndDate: instantOf(course.endsAt),
      licenseNumber: number,
      ...(minutes === null ? {} : { narrative: `Attended ${minutes} minutes.` }),
      achievement: {
        id: `urn:uuid:${course.id}`,
        type: ['Achievement'],
        achievementType: 'CertificateOfCompletion',
        name: course.title,
        description: course.description || course.title,
        criteria: { narrative: 'Registered, paid and attended as the course asks.' },
      },
    },
    credentialStatus: {
      id: `${list}#${place.index}`,
      type: 'BitstringStatusListEntry',
      statusPurpose: 'revocation',
      statusListIndex: String(place.index),
      statusListCredential: list,
    },
  }
}

/** The issuer's statement that a credential does not hold any more. It is logged like the credential itself. */
export const signRevocation = (issuer: Issuer, credentialId: string, at: Date): string =>
  signJwt(issuer, { sub: `urn:uuid:${credentialId}`, iat: secondsOf(at) }, 'certificate-revocation+jwt')
