import { defineJob } from '@plinth/platform/jobs'
import { hasCode } from '@plinth/platform/kernel'
import { privacyOffer } from '@plinth/platform/privacy'
import { secret } from '@plinth/platform/settings'
import { defineCapability } from '@plinth/platform/system'
import { z } from 'zod'

/** What handlers find as `ctx.studio`. */
export interface Studio {
  readonly environment: string
  /** The project's address, without a trailing slash. */
  readonly url: string
  readonly startedAt: Date
  /** What is not needed, and whether it is set. */
  readonly optional: Readonly<Record<'openai', boolean>>
  /** Removes an account with everything that is personal; facts of money stay (GDPR, article 17). */
  eraseAccount(user: string): Promise<void>
}

const settings = z.object({
  environment: z.string().min(1).default('production').describe('What health calls this installation.'),
  openaiApiKey: secret(z.string().min(8))
    .optional()
    .describe('Kept for clients of later versions; nothing here uses it.'),
})

/** What eyemotion's handlers need of the project itself. */
export const studio = () =>
  defineCapability({
    name: 'studio',
    requires: ['privacy'],
    settings,
    open: (project) => {
      const { environment, openaiApiKey } = project.settings
      const erase = (user: string) => project.offer(privacyOffer).persons.erase(user)
      const eraseAgain = defineJob({
        name: 'erase-account-again',
        summary: 'Destroys the key of somebody who is erased, once the journal has caught up.',
        payload: z.object({ user: z.uuid() }),
        attempts: 20,
        concurrency: 1,
        run: async (_context, { user }) => {
          await erase(user)
        },
      })
      const offer: Studio = {
        environment,
        url: project.url,
        startedAt: project.clock.now(),
        optional: { openai: openaiApiKey !== undefined },
        eraseAccount: async (user) => {
          try {
            await erase(user)
          } catch (error) {
            // The rows are gone; what the journal has of them is erased when it has caught up.
            if (!hasCode(error, 'erasure_not_journalled')) throw error
            await project.jobs.add(eraseAgain.name, { user })
          }
        },
      }
      return { context: () => ({ studio: offer }), offer, jobs: [eraseAgain] }
    },
  })
