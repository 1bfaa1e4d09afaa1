import { defineErrors } from '../kernel/index.ts'

export const sessionErrors = defineErrors({
  csrf_token_wrong: {
    status: 403,
    message: 'The request changes something by a session cookie and has no token of this session.',
    hint: 'Send the csrfToken of the sign-in, or of GET /auth/csrf, as the header x-csrf-token.',
  },
})
