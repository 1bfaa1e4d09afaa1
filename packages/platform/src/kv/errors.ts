import { defineErrors } from '../kernel/index.ts'

export const kvErrors = defineErrors({
  kv_key_invalid: {
    status: 422,
    message: 'A key has 1 to 512 bytes and no NUL.',
    hint: 'Shorten it, or keep the long text in the value.',
  },
  kv_not_a_number: {
    status: 409,
    message: 'The value is not a number.',
    hint: 'Nothing was changed.',
  },
  kv_full: {
    status: 409,
    message: 'There may be {limit} entries at most.',
    hint: 'Delete what is no longer needed.',
  },
})
