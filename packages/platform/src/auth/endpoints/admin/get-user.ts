import type { Endpoint } from '../../request.ts'
import { toUserJson } from '../../users/user-json.ts'
import { requireUserOfPath } from './user-id.ts'

/** `GET /admin/users/:id`. */
export const getUserById: Endpoint = (auth) => async (c) =>
  c.json(toUserJson(await requireUserOfPath(auth, c)))
