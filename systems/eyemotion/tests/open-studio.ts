import { type Statement, sql } from '@plinth/platform/database'
import type { Answer, RequestInput, TestSystem } from '@plinth/testing/system'
import { base } from '../routes/api.ts'

/** Somebody with an account that was made by the route, and a session of their own. */
export interface Person {
  readonly id: string
  readonly email: string
  readonly token: string
  readonly refreshToken: string
  /** A request below the system's base path, in their name. */
  call(method: string, path: string, body?: unknown, input?: RequestInput): Promise<Answer>
  /** The same, of which the status is known. */
  get(path: string): Promise<Answer['body']>
}

export const password = 'correct horse battery'

/** What the tests of eyemotion do with an open system. */
export function studioOf(system: TestSystem) {
  const call = (method: string, path: string, body?: unknown, input: RequestInput = {}) =>
    system.request(`${base}${path}`, { method, ...(body === undefined ? {} : { body }), ...input })

  const personOf = (answer: Answer): Person => {
    const { user, session } = answer.body
    const headers = { authorization: `Bearer ${session.access_token}` }
    const asThem: Person['call'] = (method, path, body, input = {}) =>
      call(method, path, body, { ...input, headers: { ...headers, ...input.headers } })
    return {
      id: user.id,
      email: user.email,
      token: session.access_token,
      refreshToken: session.refresh_token,
      call: asThem,
      get: async (path) => (await asThem('GET', path)).body,
    }
  }

  return {
    call,
    personOf,
    register: async (name: string): Promise<Person> => {
      const body = { email: `${name}@example.com`, password, fullName: name }
      const answer = await call('POST', '/auth/register', body, { headers: { 'user-agent': 'tests' } })
      if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
      return personOf(answer)
    },
    /** The only column of the first row, as the owner of the database. */
    value: async <T>(statement: Statement): Promise<T> => {
      const { rows } = await system.database.asOwner<Record<string, T>>(statement)
      return Object.values(rows[0] ?? {})[0] as T
    },
    makeAdmin: async (person: Person, role = 'admin') => {
      await system.database.asOwner(
        sql`update public.user_profiles set role = ${role} where id = ${person.id}`,
      )
    },
    setFlags: (features: object) =>
      system.database.asOwner(sql`select plinth.kv_set('features', ${JSON.stringify(features)})`),
    /** A file of so many bytes in a project: asked for, uploaded in one piece, confirmed. */
    upload: async (person: Person, projectId: string, fileName: string, bytes: Uint8Array) => {
      const asked = await person.call('POST', '/files/upload-url', {
        projectId,
        fileName,
        fileSize: bytes.byteLength,
        fileType: 'application/octet-stream',
      })
      if (asked.status !== 201) return asked
      const { pathname, search } = new URL(asked.body.uploadUrl)
      await system.request(`${pathname.replace('/eyemotion', '')}${search}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/octet-stream' },
        body: bytes,
      })
      return person.call('POST', `/files/${asked.body.fileId}/confirm`)
    },
  }
}
