import { type DatabaseAddress, hasCode, type Log, messageOf } from '../../kernel/index.ts'
import { addressAs } from '../projects/provision-project.ts'
import type { Engine } from './engine.ts'
import { engineErrors } from './errors.ts'
import { findMissing } from './external-prerequisites.ts'
import { type ClusterFacts, readClusterFacts } from './read-cluster-facts.ts'

const oldestMajorVersion = 15

/**
 * A PostgreSQL that somebody else runs, once it has been found fit for `systems`.
 * Fails with `external_postgres_unreachable`, `external_postgres_too_old`, `external_postgres_read_only` or
 * `missing_privileges`, which carries the statements that an administrator has to run.
 */
export async function connectExternalEngine(options: {
  address: DatabaseAddress
  systems: readonly string[]
  log: Log
}): Promise<Engine> {
  const { systems, log } = options
  const { url, facts } = await connect(options.address.directUrl, systems)
  const place = placeOf(url)
  const { toReplicate, toRewind } = checkFitness(facts, systems, place)
  const logicalReplication = toReplicate.length === 0
  if (!logicalReplication) {
    log.warn(
      `The PostgreSQL at ${place} does not give out its committed changes: realtime changes, journal, rewind and ` +
        `incremental backups are off. An administrator turns them on with:\n${asLines([...toReplicate, ...toRewind])}`,
    )
  } else if (toRewind.length > 0) {
    log.warn(`At ${place} no tenant can be rewound. A superuser changes that with:\n${asLines(toRewind)}`)
  }
  return {
    kind: 'external',
    majorVersion: facts.majorVersion,
    logicalReplication,
    adminUrl: (database) => (database === undefined ? url : addressAs(url, { database })),
    stop: async () => {},
  }
}

/** Refuses a cluster that will not do; returns the statements that would make it replicate, and rewind. */
export function checkFitness(facts: ClusterFacts, systems: readonly string[], place: string) {
  if (facts.majorVersion < oldestMajorVersion) {
    const [found, wanted] = [facts.majorVersion, oldestMajorVersion]
    throw engineErrors.external_postgres_too_old({ place, found, wanted })
  }
  if (facts.readOnly) throw engineErrors.external_postgres_read_only({ place })
  const { toStart, toReplicate, toRewind } = findMissing(facts, systems)
  if (toStart.length === 0) return { toReplicate, toRewind }
  const statements = asLines([...toStart, ...toReplicate, ...toRewind])
  throw engineErrors.missing_privileges({ place, role: facts.role, statements })
}

/**
 * The maintenance database is `postgres`, whatever database the address names, so that all nodes take their locks in
 * the same place; where a provider has none, it is the address's own.
 */
async function connect(address: string, systems: readonly string[]) {
  const usual = addressAs(address, { database: 'postgres' })
  const found = await readClusterFacts(usual, systems).catch((error: unknown) => {
    if (!isDatabaseClosed(error)) throw unreachable(usual, error)
  })
  if (found) return { url: usual, facts: found }
  const facts = await readClusterFacts(address, systems).catch((error: unknown): ClusterFacts => {
    throw unreachable(address, error)
  })
  return { url: address, facts }
}

/** No such database, or one that this role may not enter. */
const isDatabaseClosed = (error: unknown) => hasCode(error, '3D000') || hasCode(error, '42501')

function unreachable(url: string, error: unknown) {
  const reason = messageOf(error) || String((error as NodeJS.ErrnoException).code)
  return engineErrors.external_postgres_unreachable({ place: placeOf(url), reason }, error)
}

/** Host and port: what may be shown of an address. */
const placeOf = (url: string) => new URL(url).host

const asLines = (statements: readonly string[]) => statements.map((statement) => `  ${statement}`).join('\n')
