import { z } from 'zod'
import { defineFunction } from '../uses.ts'

/** A new card for the caller, through what the capability adds to the context. */
export const newCard = defineFunction({
  name: 'new-card',
  summary: 'Gives the caller a new reading card; the old one is void.',
  access: 'user',
  input: z.object({}),
  output: z.object({ number: z.string() }),
  handle: async ({ cards, userId }) => ({ number: await cards.issue(userId!) }),
})
