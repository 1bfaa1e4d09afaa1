import { ask, sql } from '@plinth/platform/database'
import { defineAction, defineActions } from '@plinth/platform/routes'
import { z } from 'zod'
import type { Grant } from '../channels/oauth.ts'
import { type Platform, platforms } from '../channels/settings.ts'
import { storeGrant } from '../channels/store-grant.ts'
import { shopErrors } from '../errors.ts'
import { compileRules, type ReplyRule } from '../replies/match-rules.ts'
import { defineFunction, type ShopContext } from '../uses.ts'
import { requireShopRole } from './require-shop-role.ts'

const connected = z.object({
  integrationId: z.string(),
  platform: z.enum(platforms),
  webhookUrl: z.string(),
  verifyToken: z.string(),
})

const ofShop = z.object({ shopId: z.uuid() })

interface NewAccount {
  readonly shopId: string
  readonly platform: Platform
  readonly accountId?: string | undefined
  readonly accountName?: string | undefined
  readonly webhookSecret?: string | undefined
}

/** Makes a shop's account of a platform, or takes the one that there is, and keeps its tokens sealed. */
async function connect(
  { db, asService, channels }: ShopContext,
  { shopId, platform, accountId, accountName, webhookSecret }: NewAccount,
  grant: Grant,
): Promise<z.output<typeof connected>> {
  await requireShopRole(db, shopId, 'Owner', 'Admin')
  const service = asService('a social account is connected')
  const id = await ask<string>(
    service,
    sql`insert into public.social_integrations as i (shop_id, platform, account_id, account_name)
        values (${shopId}, ${platform}, ${accountId ?? null}, ${accountName ?? null})
        on conflict (shop_id, platform) do update
          set account_id = coalesce(excluded.account_id, i.account_id), account_name = coalesce(excluded.account_name, i.account_name)
        returning id as answer`,
  )
  await storeGrant(service, channels, id, grant)
  if (webhookSecret)
    await service.query(
      sql`update private.social_tokens set webhook_secret_sealed = ${channels.seal(id, 'webhook', webhookSecret)} where integration_id = ${id}`,
    )
  return {
    integrationId: id,
    platform,
    webhookUrl: channels.webhookUrl(id),
    verifyToken: channels.verifyToken(id),
  }
}

const token = z.string().min(8).max(5_000)

const connectChannel = defineAction({
  input: ofShop.extend({
    platform: z.enum(platforms),
    accessToken: token,
    refreshToken: token.optional(),
    expiresAt: z.iso.datetime({ offset: true }).optional(),
    webhookSecret: z.string().min(8).max(500).optional(),
    accountId: z.string().min(1).max(200).optional(),
    accountName: z.string().min(1).max(200).optional(),
  }),
  output: connected,
  handle: (context: ShopContext, input) =>
    connect(context, input, {
      accessToken: input.accessToken,
      refreshToken: input.refreshToken ?? null,
      expiresAt: input.expiresAt ? new Date(input.expiresAt) : null,
    }),
})

const beginOAuth = defineAction({
  input: ofShop.extend({ platform: z.enum(platforms), redirectUri: z.url({ protocol: /^https?$/ }) }),
  output: z.object({ url: z.string() }),
  handle: async ({ db, userId, channels }: ShopContext, { shopId, platform, redirectUri }) => {
    await requireShopRole(db, shopId, 'Owner', 'Admin')
    if (userId === null) throw shopErrors.forbidden()
    return {
      url: channels.oauth.authorizeUrl(platform, { shop: shopId, user: userId, redirect: redirectUri }),
    }
  },
})

const finishOAuth = defineAction({
  input: z.object({
    state: z.string().max(4_000),
    code: z.string().min(1).max(4_000),
    webhookSecret: z.string().min(8).max(500).optional(),
    accountId: z.string().min(1).max(200).optional(),
    accountName: z.string().min(1).max(200).optional(),
  }),
  output: connected,
  handle: async (context: ShopContext, { state, code, ...account }) => {
    const { channels, userId, db } = context
    const begun = channels.oauth.readState(state, userId ?? '')
    await requireShopRole(db, begun.shop, 'Owner', 'Admin')
    const platform = begun.platform as Platform
    return connect(
      context,
      { shopId: begun.shop, platform, ...account },
      await channels.oauth.exchange(begun, code),
    )
  },
})

const disconnectChannel = defineAction({
  input: ofShop.extend({ platform: z.enum(platforms) }),
  output: z.object({ disconnected: z.boolean(), revoked: z.boolean() }),
  handle: async ({ db, asService, channels, log }: ShopContext, { shopId, platform }) => {
    await requireShopRole(db, shopId, 'Owner', 'Admin')
    const service = asService('a social account is disconnected')
    const { rows } = await service.query<{ id: string; access: Buffer | null }>(
      sql`select i.id, t.access_token_sealed as access from public.social_integrations i
          left join private.social_tokens t on t.integration_id = i.id where i.shop_id = ${shopId} and i.platform = ${platform}`,
    )
    const account = rows[0]
    if (!account) return { disconnected: false, revoked: false }
    // The tokens go first: whatever the platform answers, they are not used again.
    await service.query(sql`delete from public.social_integrations where id = ${account.id}`)
    if (!account.access) return { disconnected: true, revoked: false }
    const revoked = await channels.oauth
      .revoke(platform, channels.open(account.id, 'access', account.access))
      .catch((error: unknown) => {
        log.warn({ error, platform }, 'a token was not revoked at the platform')
        return false
      })
    return { disconnected: true, revoked }
  },
})

const testReplies = defineAction({
  input: ofShop.extend({ text: z.string().max(2_000), where: z.enum(['chat', 'comments']).default('chat') }),
  output: z.object({
    rules: z.array(z.string()),
    broken: z.array(z.object({ rule: z.string(), keyword: z.string(), problem: z.string() })),
  }),
  handle: async ({ db, asService }: ShopContext, { shopId, text, where }) => {
    await requireShopRole(db, shopId, 'Owner', 'Admin', 'Order Manager', 'Support Agent')
    const rules = await ask<readonly ReplyRule[]>(
      asService('rules are tried'),
      sql`select private.reply_rules(${shopId}) as answer`,
      { readOnly: true },
    )
    const { matching, broken } = compileRules(rules)
    return { rules: [...matching(text, where)], broken: [...broken] }
  },
})

/** Channels and automatic replies: accounts are connected and disconnected, rules are tried. */
export const conversationOperations = defineFunction({
  name: 'conversation-operations',
  summary: 'Connects the accounts that customers write by, and tries automatic replies.',
  access: 'user',
  ...defineActions({
    connect_channel: connectChannel,
    begin_oauth: beginOAuth,
    finish_oauth: finishOAuth,
    disconnect_channel: disconnectChannel,
    test_replies: testReplies,
  }),
})
