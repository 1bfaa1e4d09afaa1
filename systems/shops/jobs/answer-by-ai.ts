import { ask, sql } from '@plinth/platform/database'
import { z } from 'zod'
import type { ModelQuestion } from '../replies/ask-model.ts'
import { defineJob } from '../uses.ts'

/** Has the AI port answer a customer's message: one of the shop's credits for each answer. */
export const answerByAi = defineJob({
  name: 'answer-by-ai',
  summary: 'Has the AI port answer a customer’s message that no keyword answers.',
  payload: z.object({ message: z.uuid() }),
  attempts: 3,
  run: async ({ db, channels, signal, log }, { message }) => {
    if (!channels.askModel) return
    const question = await ask<ModelQuestion | null>(
      db,
      sql`select private.reserve_ai_reply(${message}) as answer`,
    )
    if (!question) return
    const finish = (text: string | null) =>
      ask<string | null>(db, sql`select private.finish_ai_reply(${message}, ${text}) as answer`)
    try {
      const text = await channels.askModel(question, signal)
      if (!(await finish(text))) log.debug({ message }, 'the model’s answer was not used')
    } catch (error) {
      // The credit is free again; another attempt reserves one anew.
      await finish(null)
      throw error
    }
  },
})
