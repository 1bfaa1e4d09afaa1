import { z } from 'zod'
import type { Caller } from '../database/index.ts'
import { type AnyRoute, dataEnvelope, defineRoute } from '../routes/index.ts'
import { keyErrors } from './errors.ts'
import type { Keys } from './keys-of-project.ts'

/** Most keys in force that one user may have. */
const mostOfUser = 20

const path = '/keys/v1'
const shownKey = z.object({ id: z.uuid(), key: z.string() })
const listedKey = z.object({
  id: z.uuid(),
  name: z.string(),
  value: z.string(),
  permissions: z.array(z.string()),
  rateLimit: z.number().nullable(),
  isActive: z.boolean(),
  expiresAt: z.string().nullable(),
  lastUsedAt: z.string().nullable(),
  createdAt: z.string().nullable(),
})
const newKey = z.object({
  name: z.string().trim().min(1).max(200),
  permissions: z.array(z.string().max(200)).max(100),
  expiresAt: z.coerce.date().optional(),
})
const ofKey = z.object({ id: z.uuid() })

/** Where signed-in users see to their own keys. A key has permissions that its user has; it opens none of these routes. */
export function keyRoutes(keysFor: (caller: Caller) => Keys): readonly AnyRoute[] {
  /** The caller's keys, and the one that a route names. Fails with `key_not_found` for somebody else's. */
  const ownKeys = async (caller: Caller, id?: string) => {
    const keys = keysFor(caller)
    const own = await keys.list({ userId: String(caller.claims.sub) })
    if (id !== undefined && !own.some((key) => key.id === id && key.isActive)) throw keyErrors.key_not_found()
    return { keys, own }
  }

  const list = defineRoute({
    method: 'GET',
    path,
    summary: 'The API keys of the signed-in user, without their texts.',
    access: 'user',
    envelope: dataEnvelope,
    responses: { 200: z.array(listedKey) },
    handle: async ({ caller }) =>
      (await ownKeys(caller)).own.map((key) => ({ ...key, permissions: [...key.permissions] })),
  })

  const create = defineRoute({
    method: 'POST',
    path,
    summary: 'Makes an API key with permissions that the signed-in user has. Its text is given this once.',
    access: 'user',
    envelope: dataEnvelope,
    limit: { calls: 20, seconds: 60 },
    body: newKey,
    responses: { 200: shownKey },
    handle: async ({ caller, userId, may }, { body: { name, permissions, expiresAt } }) => {
      for (const permission of permissions) if (!(await may(permission))) throw keyErrors.key_not_yours()
      const { keys, own } = await ownKeys(caller)
      if (own.filter(({ isActive }) => isActive).length >= mostOfUser)
        throw keyErrors.key_limit_of_user({ limit: mostOfUser })
      const given = { name, permissions, userId: userId! }
      return keys.create(expiresAt === undefined ? given : { ...given, expiresAt })
    },
  })

  const revoke = defineRoute({
    method: 'DELETE',
    path: `${path}/:id`,
    summary: 'Revokes an API key of the signed-in user, for good.',
    access: 'user',
    envelope: dataEnvelope,
    params: ofKey,
    responses: { 204: null },
    handle: async ({ caller }, { params: { id } }) => {
      const { keys } = await ownKeys(caller, id)
      await keys.revoke(id)
      return undefined
    },
  })

  const rotate = defineRoute({
    method: 'POST',
    path: `${path}/:id/rotate`,
    summary: 'Gives an API key of the signed-in user another text; the old one is valid for a while.',
    access: 'user',
    envelope: dataEnvelope,
    params: ofKey,
    body: z.object({ overlapSeconds: z.number().int().min(0).max(2_592_000).default(86_400) }),
    responses: { 200: shownKey },
    handle: async ({ caller }, { params: { id }, body }) => {
      const { keys } = await ownKeys(caller, id)
      return keys.rotate(id, body)
    },
  })

  return [list, create, revoke, rotate]
}
