import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** Makes a key for a third party; its text is in this answer and nowhere else. */
export const createApiKey = defineFunction({
  name: 'create-api-key',
  summary: 'Makes an API key, of one business or of the whole system.',
  access: { role: 'super_admin' },
  input: z.object({
    key_name: z.string().trim().min(1).max(200),
    business_id: z.uuid().nullish(),
    permissions: z.array(z.string()).max(100).default([]),
    rate_limit: z.int().min(0).max(1_000_000).default(1_000),
    expires_at: z.iso.datetime({ offset: true }).optional(),
  }),
  output: z.object({ key_id: z.uuid(), key: z.string() }),
  handle: async ({ keys }, { key_name, business_id, permissions, rate_limit, expires_at }) => {
    const { id, key } = await keys.create({
      name: key_name,
      permissions,
      rateLimit: rate_limit,
      ...(business_id ? { tenant: business_id } : {}),
      ...(expires_at ? { expiresAt: new Date(expires_at) } : {}),
    })
    return { key_id: id, key }
  },
})

/** Reads the text of a key that was made in SQL, once and within a day. */
export const revealApiKey = defineFunction({
  name: 'reveal-api-key',
  summary: 'Shows the text of a key that SQL made, once.',
  access: { role: 'super_admin' },
  input: z.object({ key_id: z.uuid() }),
  output: z.object({ key_id: z.uuid(), key: z.string() }),
  handle: async ({ keys }, { key_id }) => ({ key_id, key: await keys.reveal(key_id) }),
})
