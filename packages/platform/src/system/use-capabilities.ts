import type { z } from 'zod'
import type { JobDefinition } from '../jobs/index.ts'
import { rememberPlace } from '../kernel/index.ts'
import { definersFor } from '../routes/index.ts'
import type { AnyCapability, Capability } from './define-capability.ts'

/** What capabilities add to a handler's context, taken together. */
export type ContextOf<Uses extends readonly AnyCapability[]> = Uses extends readonly [
  infer First,
  ...infer Rest,
]
  ? (First extends Capability<infer Context, infer _Offer, infer _Schema> ? Context : object) &
      (Rest extends readonly AnyCapability[] ? ContextOf<Rest> : object)
  : object

/**
 * What a system uses, with the definers of its functions, routes and jobs, whose handlers find what the capabilities add. It
 * stands in a file of its own (`uses.ts`): types taken from the whole declaration would be circular.
 */
export function useCapabilities<const Uses extends readonly AnyCapability[]>(...uses: Uses) {
  type Extra = ContextOf<Uses>
  return {
    uses,
    ...definersFor<Extra>(),
    defineJob: <Payload extends z.ZodType>(
      definition: JobDefinition<Payload, Extra>,
    ): JobDefinition<Payload, Extra> => rememberPlace(definition),
  }
}
