import { holds } from '@plinth/platform/holds'
import { useCapabilities } from '@plinth/platform/system'

/** What shops use beside what every project has; its functions and jobs are declared with these definers. */
export const { uses, defineFunction, defineJob } = useCapabilities(holds())
