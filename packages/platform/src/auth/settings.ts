/** So many attempts in so many seconds; the count starts with the first and ends with the window. */
export interface AttemptLimit {
  readonly attempts: number
  readonly seconds: number
}

export interface AuthLimits {
  /** Sign-ups, sign-ins and changes by password of one address. Default 300 in 5 minutes. */
  readonly signInsPerAddress: AttemptLimit
  /** Anonymous sign-ins of one address. Default 100 in an hour. */
  readonly anonymousSignInsPerAddress: AttemptLimit
  /** Refreshes of one address. Default 3600 in an hour. */
  readonly refreshesPerAddress: AttemptLimit
  /** Wrong passwords for one account, whatever the address. Default 10 in 5 minutes; a right one starts afresh. */
  readonly failuresPerAccount: AttemptLimit
}

/** What a project decides about its accounts. */
export interface AuthSettings {
  /** Claim `iss` of access tokens: the project's public address with `/auth/v1`. */
  readonly issuer: string
  /** Whether strangers may make accounts. Default true. */
  readonly signUps: boolean
  /** Whether accounts without e-mail and password may be made. Default false. */
  readonly anonymousSignIns: boolean
  /** Takes e-mail addresses as confirmed when they are given. Default true. */
  readonly autoConfirm: boolean
  /** Life of an access token in seconds. Default 3600. */
  readonly accessTokenSeconds: number
  /** For how long the parent of the valid refresh token is still answered, in seconds. Default 10. */
  readonly refreshGraceSeconds: number
  /** Fewest characters of a new password. Default 6. */
  readonly passwordMinLength: number
  readonly limits: AuthLimits
}

/** What a caller gives: the issuer, and whatever differs from the defaults. */
export type AuthSettingsInput = Partial<Omit<AuthSettings, 'limits'>> & {
  readonly issuer: string
  readonly limits?: Partial<AuthLimits>
}

const defaultLimits: AuthLimits = {
  signInsPerAddress: { attempts: 300, seconds: 300 },
  anonymousSignInsPerAddress: { attempts: 100, seconds: 3600 },
  refreshesPerAddress: { attempts: 3600, seconds: 3600 },
  failuresPerAccount: { attempts: 10, seconds: 300 },
}

export function completeSettings(given: AuthSettingsInput): AuthSettings {
  return {
    signUps: true,
    anonymousSignIns: false,
    autoConfirm: true,
    accessTokenSeconds: 3600,
    refreshGraceSeconds: 10,
    passwordMinLength: 6,
    ...given,
    limits: { ...defaultLimits, ...given.limits },
  }
}
