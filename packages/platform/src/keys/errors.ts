import { defineErrors } from '../kernel/index.ts'

export const keyErrors = defineErrors({
  key_unknown: {
    status: 401,
    message: 'There is no such API key in this project.',
    hint: 'Check that the whole key was copied, and that it is one of this project.',
  },
  key_expired: {
    status: 401,
    message: 'The API key has expired.',
    hint: 'Ask whoever gave it out for the one that replaces it.',
  },
  key_revoked: {
    status: 401,
    message: 'The API key has been revoked.',
    hint: 'Ask whoever gave it out for another one.',
  },
  key_in_address: {
    status: 400,
    message: 'An API key stands in the address of the request, where logs and proxies keep it.',
    hint: 'Send it in the header `x-api-key`, and replace this one: plinth keys rotate',
  },
  key_beside_others: {
    status: 400,
    message: 'The request carries an API key beside other credentials.',
    hint: 'Send the API key alone, or with the project’s public key in `apikey`.',
  },
  too_many_unknown_keys: {
    status: 429,
    message: 'Too many API keys from this address were not those of this project.',
    hint: 'Wait {seconds} s and try again with a valid key.',
  },
  key_not_found: {
    status: 404,
    message: 'There is no such API key.',
    hint: 'The list of keys shows the id of each: plinth keys list',
  },
  key_not_readable: {
    status: 410,
    message: 'The text of this API key cannot be read any more.',
    hint: 'It is shown once, and within 24 hours. Make another text: plinth keys rotate',
  },
  key_expiry_past: {
    status: 422,
    message: 'The API key would have expired already.',
    hint: 'Give an instant that is still to come.',
  },
  key_limit_of_user: {
    status: 409,
    message: 'A user may have {limit} API keys at most.',
    hint: 'Revoke one that is no longer needed.',
  },
  key_makes_no_keys: {
    status: 403,
    message: 'A key neither makes keys nor changes them.',
    hint: 'Sign in, or use the service key.',
  },
  key_not_yours: {
    status: 403,
    message: 'This caller may not make such a key.',
    hint: 'A key has no rights that whoever makes it does not have.',
  },
  key_permissions_invalid: {
    status: 422,
    message: 'Permissions of a key are a list of at most 100 names such as "orders:read".',
    hint: 'Name what it may do.',
  },
  key_value_invalid: {
    status: 422,
    message: 'A key is "sk_" and 24 to 128 letters, digits, "_" and "-".',
    hint: 'Leave it to the platform to make one.',
  },
  key_taken: {
    status: 409,
    message: 'There is a key of this text already.',
    hint: 'Leave it to the platform to make one.',
  },
})
