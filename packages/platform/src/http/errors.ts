import { defineErrors } from '../kernel/index.ts'

export const httpErrors = defineErrors({
  unknown_project: {
    status: 404,
    message: 'There is no project at this address.',
    hint: 'A project answers below /<system>; `plinth status` prints the addresses.',
  },
  project_unavailable: {
    status: 503,
    message: 'Project {name} has not started.',
    hint: 'Ask again in {seconds} s. The server log and `/health` with the project’s service key say what keeps it.',
  },
  not_found: {
    status: 404,
    message: 'There is nothing at {path}.',
    hint: 'The surfaces of a project are /rest/v1, /auth/v1, /realtime/v1 and /functions/v1.',
  },
  missing_key: {
    status: 401,
    message: 'No API key was sent.',
    hint: 'Send the project key in the `apikey` header; `plinth status` prints it.',
  },
  invalid_key: {
    status: 401,
    message: 'The API key is not one of this project.',
    hint: 'Keys belong to one project each; `plinth status` prints them.',
  },
  invalid_token: {
    status: 401,
    message: 'The bearer token is not valid for this project.',
    hint: 'Sign in again. Tokens of another project, altered ones and unsigned ones are refused.',
  },
  expired_token: {
    status: 401,
    message: 'The bearer token has expired.',
    hint: 'Refresh the session and send the new token.',
  },
  body_too_large: {
    status: 413,
    message: 'The request body is larger than {limit} bytes.',
    hint: 'Send less at once.',
  },
  bodies_busy: {
    status: 503,
    message: 'The server is reading as many large bodies as it can hold.',
    hint: 'Send it again in {seconds} s, or less at once.',
  },
  head_too_large: {
    status: 431,
    message: 'The address and headers of the request are too long together.',
    hint: 'Ask for less at once: a filter by many values fits into several requests, or into the body of an RPC.',
  },
  request_too_slow: {
    status: 408,
    message: 'The request did not arrive in time.',
    hint: 'Send it again.',
  },
  not_http: {
    status: 400,
    message: 'This is not a request by HTTP.',
    hint: 'One address of this server takes HTTP/1.1; a reverse proxy in front of it speaks TLS.',
  },
  no_upgrade: {
    status: 400,
    message: 'This address does not speak {protocol}.',
    hint: 'WebSockets connect to /realtime/v1/websocket of a project; everything else is sent without an `Upgrade` header.',
  },
  no_tunnel: {
    status: 405,
    message: 'This server opens no tunnels.',
    hint: 'It is no proxy: send the request to the address of a project.',
  },
  csrf_refused: {
    status: 403,
    message: 'A request with a session cookie came from {origin}, which is not a page of this project.',
    hint: 'Send it from the project’s own pages or from an origin that its CORS setting allows with credentials.',
  },
  key_out_of_scope: {
    status: 403,
    message: 'This key is limited to: {permissions}.',
    hint: 'It opens the routes, tables and functions that these permissions name, and nothing else.',
  },
  https_required: {
    status: 403,
    message: 'This server takes HTTPS only: {url}.',
    hint: 'Change the address to https. A reverse proxy has to send X-Forwarded-Proto and be counted in PLINTH_TRUSTED_PROXIES.',
  },
  answer_too_slow: {
    status: 504,
    message: 'No answer was ready within {seconds} s.',
    hint: 'Part of the work may have been done: read before you send it again.',
  },
  too_many_requests: {
    status: 429,
    message: 'Too many requests: at most {limit} in {window} s.',
    hint: 'Wait {seconds} s and try again.',
  },
  invalid_cors: {
    status: 500,
    message: 'The CORS setting means nothing: {problem}.',
    hint: 'List origins such as https://app.example.com, without a path.',
  },
  address_taken: {
    status: 500,
    message: 'Two answer at {path}.',
    hint: 'Every surface of a project has a path of its own, and no project has the name of a page of the server.',
  },
  stopping: {
    status: 503,
    message: 'The server is stopping.',
    hint: 'Try again in a few seconds.',
  },
  internal: {
    status: 500,
    message: 'Something failed inside the server.',
    hint: 'The server log has the cause under request id {request_id}.',
  },
  port_in_use: {
    status: 500,
    message: 'Port {port} on {host} is taken by another program.',
    hint: 'Stop that program, or choose another port: PLINTH_PORT=54322 npm start',
  },
  port_forbidden: {
    status: 500,
    message: 'This account may not listen on {host}:{port}.',
    hint: 'Choose a port above 1023 with PLINTH_PORT, and an address of this machine with PLINTH_HOST.',
  },
})
