import { z } from 'zod'

/** Sealed at rest and never printed. */
const secretText = () => z.string().min(1).meta({ secret: true }).optional()
const flag = (initial: boolean) => z.boolean().default(initial)
const count = (initial: number, least = 1, most = 1_000_000_000) =>
  z.number().int().min(least).max(most).default(initial)

/** The mails that auth sends. */
export const mailKinds = [
  'confirmation',
  'invite',
  'magicLink',
  'recovery',
  'emailChange',
  'reauthentication',
  'accountExists',
] as const
export type MailKind = (typeof mailKinds)[number]

const texts = (what: string) => {
  const text = z.string().max(100_000).optional().describe(`${what}; default: Plinth's own.`)
  return z
    .object({
      confirmation: text,
      invite: text,
      magicLink: text,
      recovery: text,
      emailChange: text,
      reauthentication: text,
      accountExists: text,
    })
    .prefault({})
}

const provider = z
  .object({
    enabled: flag(false).describe('Whether people may sign in with it.'),
    clientId: z.string().default('').describe('Client id that the provider gave.'),
    secret: secretText().describe('Client secret that the provider gave.'),
    url: z
      .url({ protocol: /^https?$/ })
      .optional()
      .describe('Issuer of an OIDC provider, or base address of a GitHub Enterprise server.'),
  })
  .prefault({})

/**
 * `4152127777=123456`, several with commas: numbers and addresses that always get this code. In the environment a text;
 * in a declaration also an object.
 */
const testCodes = z
  .union([z.string().transform(readTestCodes), z.record(z.string(), z.string().regex(/^\d{4,10}$/))])
  .default({})

function readTestCodes(text: string): Record<string, string> {
  const pairs = text.split(',').filter((pair) => pair.trim() !== '')
  return Object.fromEntries(pairs.map((pair) => pair.split('=').map((part) => part.trim())))
}

const functionUri = z
  .string()
  .regex(/^pg-functions:\/\/\w+\/[a-z_]\w*\/[a-z_]\w*$/i)
  .optional()

/**
 * What a project decides about its accounts. Names are GoTrue's (`GOTRUE_DISABLE_SIGNUP` is `disableSignup`,
 * `PLINTH_SHOPS_AUTH_DISABLE_SIGNUP`), where it has one; times are seconds.
 */
export const authSettings = z
  .object({
    siteUrl: z
      .url({ protocol: /^[a-z][a-z0-9+.-]*$/ })
      .optional()
      .describe('Where links lead that name no address of their own. Default: the address of the project.'),
    uriAllowList: z
      .array(z.string().min(1).max(2000))
      .max(200)
      .default([])
      .describe(
        'Further addresses that links may lead to; * stands for anything but . and /, ** for anything.',
      ),
    disableSignup: flag(false).describe('True: strangers cannot make accounts.'),
    jwtExp: count(3600, 60, 604_800).describe('Life of an access token.'),

    externalEmailEnabled: flag(true).describe('Whether e-mail addresses sign up and in.'),
    externalPhoneEnabled: flag(false).describe('Whether phone numbers sign up and in.'),
    externalAnonymousUsersEnabled: flag(false).describe('Whether accounts without any address may be made.'),
    mailerAutoconfirm: z
      .boolean()
      .optional()
      .describe('True: addresses need no proof. Default: true without smtpHost, false with it.'),
    smsAutoconfirm: flag(false).describe('True: phone numbers need no proof.'),
    mailerSecureEmailChangeEnabled: flag(true).describe('Both addresses confirm a change of address.'),
    mailerOtpExp: count(3600, 60, 86_400).describe('How long codes and links sent by mail are good.'),
    mailerOtpLength: count(6, 6, 10).describe('Digits of a code sent by mail.'),
    mailerSubjects: texts('Subject of the mail'),
    mailerTemplates: texts('HTML of the mail, with the variables of a Supabase template'),
    smsOtpExp: count(60, 30, 3600).describe('How long codes sent by SMS are good.'),
    smsOtpLength: count(6, 6, 10).describe('Digits of a code sent by SMS.'),
    smsTemplate: z
      .string()
      .max(1000)
      .default('Your code is {{ .Code }}')
      .describe('Text of an SMS; {{ .Code }} is the code.'),
    smsTestOtp: testCodes.describe('Phone numbers with a fixed code, which get no message.'),
    mailerTestOtp: testCodes.describe('E-mail addresses with a fixed code, which get no message.'),

    smtpHost: z.string().min(1).optional().describe('Mail server. Without one, messages are kept in /inbox.'),
    smtpPort: count(587, 1, 65_535).describe('Port of the mail server; 465 speaks TLS from the start.'),
    smtpUser: z.string().optional().describe('Login at the mail server.'),
    smtpPass: secretText().describe('Password at the mail server.'),
    smtpAdminEmail: z.email().optional().describe('Address that mails come from. Required with smtpHost.'),
    smtpSenderName: z.string().max(200).default('').describe('Name that mails come from.'),
    smtpMaxFrequency: count(60, 1, 86_400).describe('One mail to one address in this time.'),
    smsMaxFrequency: count(60, 1, 86_400).describe('One SMS to one number in this time.'),

    passwordMinLength: count(6, 6, 72).describe('Fewest characters of a new password.'),
    passwordRequiredCharacters: z
      .array(z.string().min(1).max(200))
      .max(10)
      .default([])
      .describe('A new password needs one character of each of these texts.'),
    securityUpdatePasswordRequireReauthentication: flag(false).describe(
      'A new password needs a code sent by mail when the session began more than a day ago.',
    ),
    securityManualLinkingEnabled: flag(false).describe('Whether users may link further identities.'),
    securityRefreshTokenReuseInterval: count(10, 0, 3600).describe(
      'For how long the parent of the valid refresh token is still answered.',
    ),
    sessionsTimebox: count(0, 0).describe('A session ends this long after it began; 0: never.'),
    sessionsInactivityTimeout: count(0, 0).describe(
      'A session ends this long after its last refresh; 0: never.',
    ),
    sessionsSinglePerUser: flag(false).describe('Signing in ends the user’s other sessions.'),

    mfaTotpEnrollEnabled: flag(true).describe('Whether authenticator apps may be added.'),
    mfaTotpVerifyEnabled: flag(true).describe('Whether authenticator apps are accepted.'),
    mfaPhoneEnrollEnabled: flag(false).describe('Whether phones may be added as second factor.'),
    mfaPhoneVerifyEnabled: flag(false).describe('Whether phones are accepted as second factor.'),
    mfaRecoveryCodesEnabled: flag(true).describe('Whether users may make recovery codes.'),
    mfaMaxEnrolledFactors: count(10, 1, 50).describe('Most second factors of one user.'),
    mfaChallengeExpiry: count(300, 30, 3600).describe('How long a challenge of a factor is good.'),

    external: z
      .object({ google: provider, github: provider, keycloak: provider, oidc: provider })
      .prefault({})
      .describe('OAuth and OpenID Connect providers.'),
    hookCustomAccessTokenUri: functionUri.describe(
      'SQL function that adds claims: pg-functions://postgres/schema/name.',
    ),
    hookBeforeUserCreatedUri: functionUri.describe('SQL function that may refuse a new account.'),

    rateLimitSignIns: count(300).describe(
      'Sign-ups, sign-ins and new passwords of one address in 5 minutes.',
    ),
    rateLimitAnonymousUsers: count(30).describe('Anonymous sign-ins of one address in an hour.'),
    rateLimitTokenRefresh: count(300).describe('Refreshes of one address in 5 minutes.'),
    rateLimitOtp: count(30).describe('Requests for codes and links of one address in 5 minutes.'),
    rateLimitVerify: count(30).describe('Codes and links tried from one address in 5 minutes.'),
    rateLimitEmailSent: count(3000).describe('Mails of the whole project in an hour.'),
    rateLimitSmsSent: count(300).describe('SMS of the whole project in an hour.'),
    rateLimitWrongPasswords: count(10).describe(
      'Wrong passwords for one account, whatever the address, in 5 minutes.',
    ),
  })

  .refine(({ smtpHost, smtpAdminEmail }) => smtpHost === undefined || smtpAdminEmail !== undefined, {
    path: ['smtpAdminEmail'],
    error: 'is required with smtpHost',
  })

/** What a caller gives: whatever differs from the defaults. */
export type AuthSettingsInput = z.input<typeof authSettings>

/** The settings, complete. */
export type AuthSettings = z.output<typeof authSettings> & {
  readonly mailerAutoconfirm: boolean
  readonly siteUrl: string
}

/** Fills in what follows from other settings; `url` is the project's address. */
export function completeSettings(given: AuthSettingsInput, url: string): AuthSettings {
  const settings = authSettings.parse(given)
  return {
    ...settings,
    siteUrl: settings.siteUrl ?? url,
    mailerAutoconfirm: settings.mailerAutoconfirm ?? settings.smtpHost === undefined,
  }
}
