import { defaultConnections, journalConnections } from '../database/index.ts'
import { queueConnections } from '../jobs/index.ts'
import type { SystemDeclaration } from '../system/index.ts'
import { capabilitiesOf } from './capabilities.ts'

/** One line of a project's budget: at most so many connections, for this. */
export interface BudgetLine {
  readonly purpose: string
  readonly connections: number
}

/** The most connections that one node opens to a project's database, line by line, from what is declared. */
export function connectionBudget(system: SystemDeclaration): readonly BudgetLine[] {
  const ofCapabilities = capabilitiesOf(system).flatMap(({ name, connections = 0 }) =>
    connections > 0 ? [{ purpose: name, connections }] : [],
  )
  const hears = capabilitiesOf(system).some(({ hearsSignals }) => hearsSignals)
  return [
    { purpose: 'requests', connections: defaultConnections.requests },
    { purpose: 'the platform’s own statements', connections: defaultConnections.owner },
    { purpose: 'jobs: the queue', connections: queueConnections },
    { purpose: 'jobs: the lease that shows that the node lives', connections: 1 },
    { purpose: 'tail: replication', connections: 1 },
    { purpose: 'the journal’s own statements', connections: journalConnections },
    ...ofCapabilities,
    ...(hears ? [{ purpose: 'signals between nodes', connections: 1 }] : []),
  ]
}
