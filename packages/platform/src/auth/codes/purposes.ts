import type { MailKind } from '../settings.ts'

/** What a code or link is for. */
export type Purpose =
  | 'signup'
  | 'invite'
  | 'magiclink'
  | 'recovery'
  | 'email_change_new'
  | 'email_change_current'
  | 'reauthentication'
  | 'sms'
  | 'phone_change'

export type TokenType =
  | 'confirmation_token'
  | 'recovery_token'
  | 'email_change_token_new'
  | 'email_change_token_current'
  | 'reauthentication_token'
  | 'phone_change_token'

interface PurposeFacts {
  readonly tokenType: TokenType
  /** `type` of the link and of `POST /verify`. */
  readonly verifyType: string
  /** Column of `auth.users` that says when it was sent. */
  readonly sentColumn: string
  /** Undefined for what goes by SMS. */
  readonly mail?: MailKind
}

export const purposes: Readonly<Record<Purpose, PurposeFacts>> = {
  signup: {
    tokenType: 'confirmation_token',
    verifyType: 'signup',
    sentColumn: 'confirmation_sent_at',
    mail: 'confirmation',
  },
  invite: {
    tokenType: 'confirmation_token',
    verifyType: 'invite',
    sentColumn: 'confirmation_sent_at',
    mail: 'invite',
  },
  magiclink: {
    tokenType: 'recovery_token',
    verifyType: 'magiclink',
    sentColumn: 'recovery_sent_at',
    mail: 'magicLink',
  },
  recovery: {
    tokenType: 'recovery_token',
    verifyType: 'recovery',
    sentColumn: 'recovery_sent_at',
    mail: 'recovery',
  },
  email_change_new: {
    tokenType: 'email_change_token_new',
    verifyType: 'email_change',
    sentColumn: 'email_change_sent_at',
    mail: 'emailChange',
  },
  email_change_current: {
    tokenType: 'email_change_token_current',
    verifyType: 'email_change',
    sentColumn: 'email_change_sent_at',
    mail: 'emailChange',
  },
  reauthentication: {
    tokenType: 'reauthentication_token',
    verifyType: 'reauthentication',
    sentColumn: 'reauthentication_sent_at',
    mail: 'reauthentication',
  },
  sms: { tokenType: 'confirmation_token', verifyType: 'sms', sentColumn: 'confirmation_sent_at' },
  phone_change: {
    tokenType: 'phone_change_token',
    verifyType: 'phone_change',
    sentColumn: 'phone_change_sent_at',
  },
}

/** The tokens that a `type` of `/verify` may redeem, by where the code went. */
export const mailTokenTypes: Readonly<Record<string, readonly TokenType[]>> = {
  signup: ['confirmation_token'],
  invite: ['confirmation_token'],
  magiclink: ['recovery_token'],
  recovery: ['recovery_token'],
  email: ['confirmation_token', 'recovery_token'],
  email_change: ['email_change_token_new', 'email_change_token_current'],
}
export const smsTokenTypes: Readonly<Record<string, readonly TokenType[]>> = {
  sms: ['confirmation_token'],
  phone_change: ['phone_change_token'],
}
