import { secret } from '@plinth/platform/settings'
import { z } from 'zod'

export const platforms = ['facebook', 'instagram', 'whatsapp', 'telegram', 'tiktok', 'line'] as const
export type Platform = (typeof platforms)[number]

const app = z
  .object({
    clientId: z.string().min(1).optional().describe('Of the platform’s app that shops connect by.'),
    clientSecret: secret(z.string().min(1)).optional().describe('Its secret.'),
    authorizeUrl: z.url().optional().describe('Where an owner gives the app access.'),
    tokenUrl: z.url().optional().describe('Where codes and refresh tokens are exchanged.'),
    revokeUrl: z.url().optional().describe('Where a token is revoked (RFC 7009).'),
    scope: z.string().default('').describe('What the app asks for.'),
  })
  .default({ scope: '' })

/** Addresses of platforms, the apps that shops connect by, and the model that answers. */
export const channelSettings = z.object({
  telegramUrl: z.url().default('https://api.telegram.org').describe('Address of Telegram’s Bot API.'),
  lineUrl: z.url().default('https://api.line.me').describe('Address of LINE’s Messaging API.'),
  metaUrl: z.url().default('https://graph.facebook.com/v23.0').describe('Address of Meta’s Graph API.'),
  facebook: app,
  instagram: app,
  whatsapp: app,
  telegram: app,
  tiktok: app,
  line: app,
  aiUrl: z
    .url()
    .optional()
    .describe(
      'Base address of an OpenAI-compatible API: https://api.openai.com/v1. Without it, no AI replies.',
    ),
  aiKey: secret(z.string().min(1)).optional().describe('Key of that API.'),
  aiModel: z.string().min(1).default('gpt-5-mini').describe('Model that answers.'),
})
export type ChannelSettings = z.output<typeof channelSettings>
