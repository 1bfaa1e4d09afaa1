import { z } from 'zod'
import { authErrors } from '../errors.ts'
import { type Endpoint, readBody } from '../request.ts'
import { refreshSession } from '../sessions/refresh-session.ts'
import { optionalText } from './fields.ts'

const schema = z.object({ refresh_token: optionalText })

/** `POST /token?grant_type=refresh_token`. */
export const refresh: Endpoint = (auth) => async (c) => {
  const { refresh_token: token } = await readBody(c, schema)
  if (!token) throw authErrors.validation_failed({ problem: 'refresh_token required' })
  await auth.limits.refresh(c.var.clientAddress)
  return c.json(await refreshSession(auth, token, c.var.log))
}
