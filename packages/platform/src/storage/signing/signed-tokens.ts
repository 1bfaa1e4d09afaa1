import { jwtVerify, SignJWT } from 'jose'
import type { Clock } from '../../kernel/index.ts'
import { hasCode } from '../../kernel/index.ts'
import { storageErrors } from '../errors.ts'

/** What the bearer of a signed URL may read. */
export interface ReadGrant {
  /** `bucket/path/of/object`. */
  readonly url: string
  /** The transformation that the URL was made for: `width:100,height:80`. Absent: the object as it is. */
  readonly transformations?: string
}

/** What the bearer of a signed upload URL may write, once. */
export interface UploadGrant {
  readonly url: string
  readonly upsert: boolean
  /** Id of the user who made the URL, who will own the object; null for a key. */
  readonly owner: string | null
}

/** Signs what a URL permits. Tokens of one purpose are worth nothing for the other, nor as a user's token. */
export interface TokenSigner {
  signRead(grant: ReadGrant, seconds: number): Promise<string>
  /** Gives the grant and when it ends. Fails with `invalid_signature`. */
  verifyRead(token: string): Promise<ReadGrant & { readonly expiresAt: Date }>
  signUpload(grant: UploadGrant, seconds: number): Promise<string>
  /** Fails with `invalid_signature`. */
  verifyUpload(token: string): Promise<UploadGrant>
}

export function createTokenSigner(deriveKey: (purpose: string) => Buffer, clock: Clock): TokenSigner {
  const keys = { read: deriveKey('storage/signed-reads'), upload: deriveKey('storage/signed-uploads') }
  const sign = (key: Buffer, claims: object, seconds: number) => {
    const now = Math.floor(clock.now().getTime() / 1_000)
    return new SignJWT({ ...claims })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .setIssuedAt(now)
      .setExpirationTime(now + seconds)
      .sign(key)
  }
  const verify = async <Grant>(key: Buffer, token: string) => {
    try {
      const { payload } = await jwtVerify(token, key, { algorithms: ['HS256'], currentDate: clock.now() })
      return { ...payload, expiresAt: new Date(payload.exp! * 1_000) } as unknown as Grant & {
        expiresAt: Date
      }
    } catch (cause) {
      const problem = hasCode(cause, 'ERR_JWT_EXPIRED') ? 'the URL has expired' : 'the token is not valid'
      throw storageErrors.invalid_signature({ problem }, cause)
    }
  }
  return {
    signRead: (grant, seconds) => sign(keys.read, grant, seconds),
    verifyRead: (token) => verify<ReadGrant>(keys.read, token),
    signUpload: (grant, seconds) => sign(keys.upload, grant, seconds),
    verifyUpload: (token) => verify<UploadGrant>(keys.upload, token),
  }
}
