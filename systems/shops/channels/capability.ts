import { createHmac } from 'node:crypto'
import { seal, unseal } from '@plinth/platform/kernel'
import { defineCapability } from '@plinth/platform/system'
import type { z } from 'zod'
import { type AskModel, createAskModel } from '../replies/ask-model.ts'
import { compileRules, type ReplyRule, type RuleSet } from '../replies/match-rules.ts'
import type { ChannelAdapter, OutboundMessage } from './adapters/channel-adapter.ts'
import { isSame } from './adapters/genuine.ts'
import { line } from './adapters/line.ts'
import { facebook, instagram, whatsapp } from './adapters/meta.ts'
import { telegram } from './adapters/telegram.ts'
import { createOAuth, type OAuth } from './oauth.ts'
import { createSendMessage, type SendResult } from './send-message.ts'
import { channelSettings, type Platform } from './settings.ts'

const adapters: Readonly<Partial<Record<Platform, ChannelAdapter>>> = {
  facebook,
  instagram,
  whatsapp,
  telegram,
  line,
}

export type TokenKind = 'access' | 'refresh' | 'webhook'

/** What handlers find as `ctx.channels`. */
export interface Channels {
  /** How a platform is spoken with; undefined for one that has no messages. */
  adapter(platform: string): ChannelAdapter | undefined
  /** Seals a token of an account for its row: it opens there only. */
  seal(integration: string, kind: TokenKind, token: string): Buffer
  /** Fails with `seal_broken`. */
  open(integration: string, kind: TokenKind, sealed: Buffer): string
  /** What Meta’s webhook subscription has to send back for an account. */
  verifyToken(integration: string): string
  isVerifyToken(integration: string, given: string): boolean
  /** Where a platform delivers an account's messages. */
  webhookUrl(integration: string): string
  /** A shop's rules, compiled once for as long as their stamp stays the same. */
  rules(shop: string, stamp: string, read: () => Promise<readonly ReplyRule[]>): Promise<RuleSet>
  send(platform: string, message: OutboundMessage, token: string, signal: AbortSignal): Promise<SendResult>
  readonly oauth: OAuth
  /** Null where no AI is set. */
  readonly askModel: AskModel | null
}

/** Shops whose rules stay compiled at a time. */
const mostRuleSets = 500

/** The channels that customers write by, their tokens, and the AI port. */
export const channels = (defaults: z.input<typeof channelSettings> = {}) =>
  defineCapability({
    name: 'channels',
    settings: channelSettings,
    defaults,
    open: ({ deriveKey, settings: given, url, clock }) => {
      const tokens = deriveKey('channels/tokens')
      const verify = deriveKey('channels/verify')
      const verifyToken = (integration: string) =>
        createHmac('sha256', verify).update(integration).digest('base64url')
      const context: Channels = {
        adapter: (platform) =>
          Object.hasOwn(adapters, platform) ? adapters[platform as Platform] : undefined,
        seal: (integration, kind, token) => seal(tokens, token, `${integration}/${kind}`),
        open: (integration, kind, sealed) => unseal(tokens, sealed, `${integration}/${kind}`).toString(),
        verifyToken,
        isVerifyToken: (integration, token) => isSame(token, verifyToken(integration)),
        webhookUrl: (integration) => `${url}/channels/${integration}`,
        rules: rememberRules(),
        send: createSendMessage(given, adapters),
        oauth: createOAuth({ settings: given, stateKey: deriveKey('channels/oauth'), clock }),
        askModel: given.aiUrl
          ? createAskModel({ url: given.aiUrl, key: given.aiKey, model: given.aiModel })
          : null,
      }
      return { context: () => ({ channels: context }) }
    },
  })

function rememberRules(): Channels['rules'] {
  const known = new Map<string, { readonly stamp: string; readonly rules: RuleSet }>()
  return async (shop, stamp, read) => {
    const found = known.get(shop)
    if (found?.stamp === stamp) return found.rules
    const rules = compileRules(await read())
    known.delete(shop)
    known.set(shop, { stamp, rules })
    if (known.size > mostRuleSets) known.delete(known.keys().next().value!)
    return rules
  }
}
