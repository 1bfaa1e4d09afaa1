import type { Endpoint } from '../../request.ts'
import { toUserJson } from '../../users/user-json.ts'
import { requireUserOfPath } from './user-id.ts'

/** `GET /admin/users/:id`. */
export const getUserById: Endpoint = (auth) => async (c) =>
  c.json(toUserJson(await requireUserOfPath(auth, c)))

/** `GET /admin/users/:id/factors`: nobody has a second factor. */
export const listFactors: Endpoint = (auth) => async (c) => {
  await requireUserOfPath(auth, c)
  return c.json([])
}
