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
})
