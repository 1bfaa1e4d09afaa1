import { keys } from '@plinth/platform/keys'
import { useCapabilities } from '@plinth/platform/system'

/** What rekon30 uses beside what every project has; its functions and jobs are declared with these definers. */
export const { uses, defineFunction, defineJob } = useCapabilities(keys({ callsPerHour: 1_000 }))
