import { defineErrors } from '../kernel/index.ts'

/**
 * Failures that this surface finds itself, under PostgREST's codes and messages (its public error reference).
 * `details` and `hint` given with an error are what the client sees in the fields of that name.
 */
export const restErrors = defineErrors({
  PGRST003: { status: 504, message: 'Timed out acquiring connection from connection pool.', hint: '' },
  PGRST000: { status: 503, message: 'Database connection error. Retrying the connection.', hint: '' },
  PGRST100: { status: 400, message: '"{problem}" (line 1, column {column})', hint: '' },
  PGRST101: { status: 405, message: 'Cannot use the {method} method on RPC', hint: '' },
  PGRST102: { status: 400, message: '{problem}', hint: '' },
  PGRST103: { status: 416, message: 'Requested range not satisfiable', hint: '' },
  PGRST105: {
    status: 405,
    message: "Filters must include all and only primary key columns with 'eq' operators",
    hint: '',
  },
  PGRST106: {
    status: 406,
    message: 'Invalid schema: {schema}',
    hint: 'Only the following schemas are exposed: {exposed}',
  },
  PGRST107: { status: 406, message: 'None of these media types are available: {types}', hint: '' },
  PGRST108: {
    status: 400,
    message: "'{name}' is not an embedded resource in this request",
    hint: "Verify that '{name}' is included in the 'select' query parameter.",
  },
  PGRST109: {
    status: 400,
    message: "A 'limit' on this write needs a primary key",
    hint: 'Select the rows by a filter instead of a limit.',
  },
  PGRST111: {
    status: 500,
    message:
      'response.headers guc must be a JSON array composed of objects with a single key and a string value',
    hint: '',
  },
  PGRST112: { status: 500, message: 'response.status guc must be a valid status code', hint: '' },
  PGRST114: { status: 400, message: 'limit/offset querystring parameters are not allowed for PUT', hint: '' },
  PGRST115: {
    status: 400,
    message: 'Payload values do not match URL in primary key column(s)',
    hint: '',
  },
  PGRST116: { status: 406, message: 'Cannot coerce the result to a single JSON object', hint: '' },
  PGRST117: { status: 405, message: 'Unsupported HTTP method: {method}', hint: '' },
  PGRST118: { status: 400, message: "A related order on '{name}' is not possible", hint: '' },
  PGRST120: { status: 400, message: "Bad operator on the '{name}' embedded resource", hint: '' },
  PGRST121: {
    status: 500,
    message: 'Could not parse JSON in the "RAISE SQLSTATE \'PGRST\'" error',
    hint: "MESSAGE must be a JSON object with obligatory keys: 'code', 'message' and optional keys: 'details', 'hint'. DETAIL must be a JSON object with obligatory keys: 'status', 'headers' and optional key: 'status_text'.",
  },
  PGRST122: { status: 400, message: 'Invalid preferences given with handling=strict', hint: '' },
  PGRST123: { status: 400, message: 'Use of aggregate functions is not allowed', hint: '' },
  PGRST124: { status: 400, message: 'Query result exceeds max-affected preference constraint', hint: '' },
  PGRST125: { status: 404, message: 'Invalid path specified in request URL', hint: '' },
  PGRST126: { status: 404, message: 'Root endpoint metadata is disabled', hint: '' },
  PGRST127: { status: 400, message: 'Feature not implemented', hint: '' },
  PGRST128: {
    status: 400,
    message: 'Function must return SETOF or TABLE when max-affected preference is used with handling=strict',
    hint: '',
  },
  PGRST200: {
    status: 400,
    message: "Could not find a relationship between '{from}' and '{to}' in the schema cache",
    hint: '',
  },
  PGRST201: {
    status: 300,
    message: "Could not embed because more than one relationship was found for '{from}' and '{to}'",
    hint: '',
  },
  PGRST202: { status: 404, message: 'Could not find the function {signature} in the schema cache', hint: '' },
  PGRST203: {
    status: 300,
    message: 'Could not choose the best candidate function between: {candidates}',
    hint: 'Try renaming the parameters or the function itself in the database so function overloading can be resolved',
  },
  PGRST204: {
    status: 400,
    message: "Could not find the '{column}' column of '{table}' in the schema cache",
    hint: '',
  },
  PGRST205: { status: 404, message: "Could not find the table '{table}' in the schema cache", hint: '' },
  PGRST300: { status: 500, message: 'Server lacks JWT secret', hint: '' },
  PGRST301: { status: 401, message: '{problem}', hint: '' },
  PGRST302: { status: 401, message: 'Anonymous access is disabled', hint: '' },
  PGRST303: { status: 401, message: '{problem}', hint: '' },
  /** Found against the catalogue before PostgreSQL is asked, so that no unknown name reaches SQL text. */
  '42703': { status: 400, message: 'column {column} does not exist', hint: '' },
  '42704': { status: 400, message: 'type "{type}" does not exist', hint: '' },
  /** Two embeds under one name: an object cannot hold both. */
  '42712': {
    status: 400,
    message: 'table name "{name}" specified more than once',
    hint: 'Give one of them an alias.',
  },
  /** Found before a large body is read; 401 for the anonymous role, as where PostgreSQL finds it. */
  '42501': { status: 403, message: 'permission denied for {object}', hint: '' },
  /** The refusal of PostgreSQL's safeupdate extension, which Supabase has switched on. */
  '21000': { status: 400, message: '{verb} requires a WHERE clause', hint: '' },
  /** PostgreSQL's own state would be a 500, though it is the request that is wrong. */
  '55000': {
    status: 405,
    message: 'cannot {verb} "{relation}"',
    hint: 'It is a view that PostgreSQL cannot write through.',
  },
  malformed_idempotency_key: {
    status: 400,
    message: 'An Idempotency-Key has 8 to 255 visible ASCII characters.',
    hint: 'Make one per write, a UUID for example, and send it again only with the same request.',
  },
  idempotency_key_without_user: {
    status: 401,
    message: 'Only who has signed in may send an Idempotency-Key.',
    hint: 'Sign in, or send the request without it.',
  },
  idempotency_key_reused: {
    status: 422,
    message: 'This Idempotency-Key was sent before with another request.',
    hint: 'Make a new key for each write.',
  },
  answer_not_kept: {
    status: 409,
    message: 'This write was done before; its answer was too large to be kept.',
    hint: 'Read the rows instead of writing them again.',
  },
  payload_too_large: {
    status: 413,
    message: 'The request body is larger than {limit} bytes.',
    hint: 'Send the rows in several requests.',
  },
})
