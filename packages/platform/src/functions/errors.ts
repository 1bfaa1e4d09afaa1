import { defineErrors } from '../kernel/index.ts'

export const functionErrors = defineErrors({
  unknown_function: {
    status: 404,
    message: 'There is no function {name}.',
    hint: 'The project’s functions are: {known}.',
  },
  method_not_allowed: {
    status: 405,
    message: '{name} is not called with {method}.',
    hint: 'Call it with {allowed}.',
  },
  invalid_input: {
    status: 400,
    message: 'The input of {name} is not valid: {problems}',
    hint: 'docs: GET /functions/v1/ lists every function with its input schema.',
  },
  invalid_json: {
    status: 400,
    message: 'The body is not valid JSON.',
    hint: 'Send a JSON object with `content-type: application/json`.',
  },
  sign_in_required: {
    status: 401,
    message: '{name} is for signed-in users.',
    hint: 'Sign in and send the access token as `Authorization: Bearer …`.',
  },
  not_allowed: {
    status: 403,
    message: 'You may not call {name}.',
    hint: 'It is for {access} callers.',
  },
  forbidden_rows: {
    status: 403,
    message: 'The database does not let you do this: {problem}.',
    hint: 'The rows are not yours to read or write.',
  },
  conflicting_rows: {
    status: 409,
    message: 'This conflicts with rows that are there: {problem}.',
    hint: 'Read the rows again before you send another change.',
  },
  invalid_rows: {
    status: 400,
    message: 'The database refuses these values: {problem}.',
    hint: 'Correct the value that the message names.',
  },
  refused: {
    status: 400,
    message: '{problem}',
    hint: 'Nothing was changed.',
  },
  contended: {
    status: 503,
    message: 'Others were changing the same rows.',
    hint: 'Nothing was changed; try again.',
  },
  too_slow: {
    status: 504,
    message: 'This took longer than it may.',
    hint: 'Nothing was changed; ask for less at once.',
  },
})
