import { cors as answerPreflight } from 'hono/cors'
import { type Cors, isAllowedOrigin, openCors } from './cors.ts'

const methods = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS']
/** A browser asks again after a day. Seconds. */
const maxAge = 86_400

/** Answers a browser's question whether a page of another origin may send its request. */
export function preflightFor(cors: Cors) {
  return answerPreflight({
    origin: cors.origins === '*' ? '*' : (origin) => (isAllowedOrigin(cors, origin) ? origin : null),
    credentials: cors.credentials,
    allowMethods: methods,
    maxAge,
  })
}

/** For every origin: it may. */
export const preflight = preflightFor(openCors)
