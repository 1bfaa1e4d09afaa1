import type { MailKind } from '../settings.ts'

export const defaultSubjects: Readonly<Record<MailKind, string>> = {
  confirmation: 'Confirm your sign-up',
  invite: 'You have been invited',
  magicLink: 'Your sign-in link',
  recovery: 'Reset your password',
  emailChange: 'Confirm the change of your e-mail address',
  reauthentication: 'Your code',
  accountExists: 'You already have an account',
}

const page = (title: string, ...lines: readonly string[]) =>
  `<h2>${title}</h2>\n${lines.map((line) => `<p>${line}</p>`).join('\n')}\n`
const link = (label: string) => `<a href="{{ .ConfirmationURL }}">${label}</a>`
const code = 'Or enter this code: {{ .Token }}'
const ignore = 'If you did not ask for this, you can ignore this mail.'

export const defaultTemplates: Readonly<Record<MailKind, string>> = {
  confirmation: page('Confirm your sign-up', link('Confirm your e-mail address'), code, ignore),
  invite: page(
    'You have been invited',
    `You have been invited to {{ .SiteURL }}.`,
    link('Accept the invitation'),
  ),
  magicLink: page('Sign in', link('Sign in'), code, ignore),
  recovery: page('Reset your password', link('Choose a new password'), code, ignore),
  emailChange: page(
    'Confirm the change of your e-mail address',
    'From {{ .Email }} to {{ .NewEmail }}.',
    link('Confirm the change'),
    code,
    ignore,
  ),
  reauthentication: page('Your code', 'Enter this code: {{ .Token }}', ignore),
  accountExists: page(
    'You already have an account',
    'Somebody, maybe you, tried to sign up at {{ .SiteURL }} with this address, which has an account already.',
    'Sign in instead, or ask for a new password there.',
    ignore,
  ),
}
