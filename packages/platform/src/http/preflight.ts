import { cors } from 'hono/cors'

/** Answers a browser's question whether a page of another origin may send its request: it may. */
export const preflight = cors({
  origin: '*',
  allowMethods: ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'],
  maxAge: 86_400,
})
