import { defineErrors } from '../kernel/index.ts'

export const flagErrors = defineErrors({
  flag_unknown: {
    status: 404,
    message: 'There is no flag {flag}.',
    hint: 'Flags are declared in the system’s uses.ts, or made by: plinth flags set',
  },
  flag_invalid: {
    status: 422,
    message:
      'A flag begins with a letter and has letters, digits, "_", "-" and "." after it; a percentage is from 0 to 100.',
    hint: 'Nothing was changed.',
  },
})
