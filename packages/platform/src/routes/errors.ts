import { defineErrors } from '../kernel/index.ts'

export const routeErrors = defineErrors({
  unknown_function: {
    status: 404,
    message: 'There is no function {name}.',
    hint: 'The project’s functions are: {known}.',
  },
  unknown_route: {
    status: 404,
    message: 'There is no route {path}.',
    hint: 'GET /openapi.json below the project’s address lists every route.',
  },
  method_not_allowed: {
    status: 405,
    message: '{name} is not called with {method}.',
    hint: 'Call it with {allowed}.',
  },
  invalid_input: {
    status: 400,
    message: 'The input of {name} is not valid: {problems}',
    hint: 'GET /openapi.json below the project’s address has the schema of every route.',
  },
  invalid_json: {
    status: 400,
    message: 'The body is not valid JSON.',
    hint: 'Send JSON in UTF-8 with `content-type: application/json`, nested at most {depth} deep.',
  },
  invalid_form: {
    status: 400,
    message: 'The body is not a valid form.',
    hint: 'Send `multipart/form-data` with its boundary, or `application/x-www-form-urlencoded`.',
  },
  too_many_values: {
    status: 413,
    message: 'The request has more than {limit} {things}.',
    hint: 'Send less at once.',
  },
  unsupported_media_type: {
    status: 415,
    message: '{name} does not take a body of this content type.',
    hint: 'It takes {accepted}.',
  },
  unsupported_encoding: {
    status: 415,
    message: 'Compressed request bodies are not taken.',
    hint: 'Send the body without `content-encoding`.',
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
  invalid_route: {
    status: 500,
    message: 'The route {path} cannot be: {problem}.',
    hint: 'Correct its declaration.',
  },
  duplicate_route: {
    status: 500,
    message: 'Two routes answer to {method} {path}: {first} and {second}.',
    hint: 'Give one of them another path.',
  },
  invalid_redirect: {
    status: 500,
    message: 'A redirect leads to no path of this server and to no http address.',
    hint: 'Check what the location is made of: what a caller sends must not choose it.',
  },
})
