import type { Context } from 'hono'
import { authErrors } from '../../errors.ts'
import { type Endpoint, requireAdmin } from '../../request.ts'
import { countUsers, listUsers } from '../../store/users.ts'
import { toUserJson } from '../../users/user-json.ts'
import type { UserRow } from '../../users/user-row.ts'

const defaultPerPage = 50
const mostPerPage = 1000
const lastPage = 1_000_000

/** `GET /admin/users?page=1&per_page=50`, newest first, with X-Total-Count and Link (RFC 8288). */
export const listUsersPage: Endpoint = (auth) => async (c) => {
  requireAdmin(c)
  const page = readCount(c, 'page', 1, lastPage)
  const perPage = Math.min(mostPerPage, readCount(c, 'per_page', defaultPerPage, Number.MAX_SAFE_INTEGER))
  const [users, count] = await Promise.all([
    auth.database.asOwner<UserRow>(listUsers(perPage, (page - 1) * perPage)),
    auth.database.asOwner<{ total: number }>(countUsers()),
  ])
  const total = count.rows[0]!.total
  c.header('x-total-count', String(total))
  c.header('link', linksOf(c.req.path, page, perPage, total))
  return c.json({ users: users.rows.map(toUserJson), aud: 'authenticated' })
}

/** auth-js sends an empty text for what its caller left out. */
function readCount(c: Context, name: string, fallback: number, most: number): number {
  const given = c.req.query(name)
  if (!given) return fallback
  if (/^\d{1,15}$/.test(given) && Number(given) >= 1 && Number(given) <= most) return Number(given)
  throw authErrors.validation_failed({
    problem: `Bad Pagination Parameters: ${name} must be a positive number`,
  })
}

/** `page` comes first, because auth-js reads the number after the first `=`; `last` is always there for it. */
function linksOf(path: string, page: number, perPage: number, total: number): string {
  const last = Math.max(1, Math.ceil(total / perPage))
  const link = (target: number, rel: string) => `<${path}?page=${target}&per_page=${perPage}>; rel="${rel}"`
  return [...(page < last ? [link(page + 1, 'next')] : []), link(last, 'last')].join(', ')
}
