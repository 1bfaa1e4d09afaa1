import type { ChannelAdapter, OutboundMessage } from './adapters/channel-adapter.ts'
import type { ChannelSettings, Platform } from './settings.ts'

/** What became of a message. `later`: the platform certainly did not take it and may be asked again. */
export type SendResult =
  | { readonly state: 'sent'; readonly externalId: string | null }
  | { readonly state: 'failed' | 'later' | 'unknown'; readonly error: string }

const timeLimit = 20_000

export const createSendMessage =
  (settings: ChannelSettings, adapters: Readonly<Partial<Record<Platform, ChannelAdapter>>>) =>
  async (
    platform: string,
    message: OutboundMessage,
    token: string,
    signal: AbortSignal,
  ): Promise<SendResult> => {
    const adapter = adapters[platform as Platform]
    if (!adapter) return { state: 'failed', error: `There is no way out to ${platform}.` }
    const { path, headers, body } = adapter.request(message, token)
    let answer: Response
    let text: string
    try {
      answer = await fetch(`${baseUrl(settings, platform).replace(/\/$/, '')}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
        redirect: 'error',
        signal: AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]),
      })
      text = (await answer.text()).slice(0, 100_000)
    } catch (error) {
      return afterFailure(adapter, error)
    }
    // 409 is LINE's answer to a repetition that it has taken before.
    if (answer.ok || (answer.status === 409 && adapter.recognisesRepetition))
      return { state: 'sent', externalId: adapter.idOf(parse(text), message) }
    const error = `${platform} answered ${answer.status}: ${text.slice(0, 300)}`
    if (answer.status === 429) return { state: 'later', error }
    if (answer.status >= 500)
      return adapter.recognisesRepetition ? { state: 'later', error } : { state: 'unknown', error }
    return { state: 'failed', error }
  }

/** A connection that was never made has sent nothing; one that ended may have. */
function afterFailure(adapter: ChannelAdapter, error: unknown): SendResult {
  const code = (error as { cause?: { code?: string } }).cause?.code ?? ''
  const neverSent = ['ECONNREFUSED', 'ENOTFOUND', 'EAI_AGAIN', 'UND_ERR_CONNECT_TIMEOUT'].includes(code)
  const problem = `The platform did not answer${code ? ` (${code})` : ''}.`
  return neverSent || adapter.recognisesRepetition
    ? { state: 'later', error: problem }
    : { state: 'unknown', error: problem }
}

const baseUrl = ({ telegramUrl, lineUrl, metaUrl }: ChannelSettings, platform: string): string =>
  platform === 'telegram' ? telegramUrl : platform === 'line' ? lineUrl : metaUrl

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}
