import type fc from 'fast-check'
import type { Case } from '../case.ts'
import type { Target } from '../target.ts'
import { authCases } from './auth.ts'
import { functionCases } from './functions.ts'
import { realtimeCases } from './realtime.ts'
import { restCases } from './rest.ts'
import { routeCases } from './routes.ts'
import { socketCases } from './sockets.ts'
import { storageCases } from './storage.ts'
import { notificationCases, paymentCases } from './webhooks.ts'

/** What can be attacked, by name; each gives its cases for a server. */
export const generators = {
  rest: restCases,
  auth: authCases,
  realtime: realtimeCases,
  functions: functionCases,
  storage: storageCases,
  routes: routeCases,
  payments: paymentCases,
  notifications: notificationCases,
  sockets: socketCases,
} satisfies Record<string, (target: Target) => fc.Arbitrary<Case>>

export type Surface = keyof typeof generators
