import { defineErrors } from '../kernel/index.ts'

export const notificationErrors = defineErrors({
  notification_invalid: {
    status: 400,
    message: 'The message cannot be queued: {problem}',
    hint: 'See docs/notifications.md for what a message is made of.',
  },
  notification_not_yours: {
    status: 403,
    message: 'A message of your own goes to yourself, at the addresses of your account.',
    hint: 'Leave the address out and name yourself, or queue it with the service role.',
  },
  too_many_recipients: {
    status: 413,
    message: 'More than {most} people at once.',
    hint: 'Send to fewer, or raise notifications.mostRecipients.',
  },
  unknown_template: {
    status: 404,
    message: 'There is no template {name}.',
    hint: 'Templates are named in the system’s uses.ts; there are: {known}.',
  },
  template_invalid: {
    status: 500,
    message: 'The template {name} cannot be rendered: {problem}',
    hint: 'Correct the template; `plinth notifications preview` shows it.',
  },
  unsubscribe_link_invalid: {
    status: 400,
    message: 'This link is not complete.',
    hint: 'Open it again from the mail.',
  },
  callback_refused: {
    status: 401,
    message: 'The callback is not signed as {provider} signs.',
    hint: 'Compare the secret or key that is set for {provider} with the one that it shows.',
  },
})
