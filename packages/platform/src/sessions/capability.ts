import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { type CookieSessionOptions, cookieCaller, createCookieSessions } from './cookie-sessions.ts'

const settings = z.object({
  days: z
    .number()
    .int()
    .min(1)
    .max(400)
    .default(30)
    .describe(
      'Days for which a browser keeps the cookies of a session; auth decides when the session itself ends.',
    ),
})

/** Sessions of browsers in cookies, beside bearer tokens. Routes of the system sign in and out with `ctx.sessions`. */
export const cookieSessions = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'sessions',
    requires: ['auth'],
    settings,
    defaults,
    open: (project) => {
      const options: CookieSessionOptions = {
        system: project.system.name,
        keys: project.keys,
        key: project.deriveKey('sessions/csrf'),
        clock: project.clock,
        url: project.url,
        seconds: project.settings.days * 86_400,
      }
      const sessions = createCookieSessions(options)
      return { context: () => ({ sessions }), callers: [cookieCaller(options)] }
    },
  })
