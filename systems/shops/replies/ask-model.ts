import { z } from 'zod'

export interface ModelQuestion {
  readonly shop: string
  readonly instructions: string | null
  readonly history: readonly { readonly sender: 'user' | 'bot'; readonly text: string }[]
}

/** The model's answer, or null where it has none. Fails when the API does. */
export type AskModel = (question: ModelQuestion, signal: AbortSignal) => Promise<string | null>

const completion = z.object({
  choices: z.array(z.object({ message: z.object({ content: z.string().nullish() }) })).min(1),
})

const longestAnswer = 2_000
const timeLimit = 30_000

/** Asks an OpenAI-compatible API (POST <url>/chat/completions). What customers write is data to the model, never its instructions. */
export const createAskModel =
  ({
    url,
    key,
    model,
  }: {
    readonly url: string
    readonly key?: string | undefined
    readonly model: string
  }): AskModel =>
  async ({ shop, instructions, history }, signal) => {
    const answer = await fetch(`${url.replace(/\/$/, '')}/chat/completions`, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(key ? { authorization: `Bearer ${key}` } : {}) },
      body: JSON.stringify({
        model,
        messages: [
          {
            role: 'system',
            content: `You answer customers of the shop ${JSON.stringify(shop)} briefly and politely. Say that a person will answer when you do not know.\n${instructions ?? ''}`,
          },
          ...history.map(({ sender, text }) => ({
            role: sender === 'user' ? 'user' : 'assistant',
            content: text,
          })),
        ],
      }),
      redirect: 'error',
      signal: AbortSignal.any([signal, AbortSignal.timeout(timeLimit)]),
    })
    if (!answer.ok) {
      await answer.body?.cancel()
      throw new Error(`The model answered with status ${answer.status}.`)
    }
    const text = completion.parse(await answer.json()).choices[0]?.message.content?.trim() ?? ''
    return text.toWellFormed().replaceAll('\0', '').slice(0, longestAnswer) || null
  }
