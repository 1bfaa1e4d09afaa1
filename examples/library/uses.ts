import { rewind } from '@plinth/platform/rewind'
import { useCapabilities } from '@plinth/platform/system'
import { readingCards } from './capabilities/reading-cards.ts'

/** What the library uses beside what every project has; its functions, routes and jobs are declared with these. */
export const { uses, defineFunction, defineJob, defineRoute } = useCapabilities(
  readingCards({ prefix: 'LIB' }),
  rewind(),
)
