import { defineErrors } from '../kernel/index.ts'

export const messageErrors = defineErrors({
  message_address_invalid: {
    status: 400,
    message: '{address} is not one e-mail address.',
    hint: 'Give one address without a name, without line breaks and of at most 254 characters: ada@example.com.',
  },
  message_number_invalid: {
    status: 400,
    message: '{number} is not a phone number.',
    hint: 'Give the number with its country: +4915112345678.',
  },
  inbox_closed: {
    status: 403,
    message: 'The inbox is open to the service key, from this machine.',
    hint: 'Its messages hold links that sign in. Open it on the machine that the server runs on.',
  },
  message_header_invalid: {
    status: 400,
    message: 'The mail header {name} cannot be sent: a header is one line of at most 2,000 characters.',
    hint: 'Take line breaks and control characters out.',
  },
})
