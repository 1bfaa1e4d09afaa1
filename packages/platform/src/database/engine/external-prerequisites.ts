import { quoteName } from '../sql.ts'
import type { ClusterFacts } from './read-cluster-facts.ts'

/** One thing that somebody else's PostgreSQL has to allow, and how its administrator allows it. */
interface Prerequisite {
  readonly met: (facts: ClusterFacts, systems: readonly string[]) => boolean
  readonly statement: (facts: ClusterFacts, systems: readonly string[]) => string
}

const me = (facts: ClusterFacts) => quoteName(facts.role)

/** Without these the server does not start. */
const toStart: readonly Prerequisite[] = [
  {
    met: (facts, systems) => facts.mayCreateDatabases || facts.databasesPresent === systems.length,
    statement: (facts) => `alter role ${me(facts)} createdb;`,
  },
  {
    met: (facts) => facts.mayCreateRoles,
    statement: (facts) => `alter role ${me(facts)} createrole;`,
  },
  {
    // service_role is above row level security, and whoever creates such a role must be a superuser (up to 15)
    // or above it as well (from 16 on).
    met: (facts) =>
      facts.serviceRoleBypassesRls ?? (facts.superuser || (facts.majorVersion >= 16 && facts.bypassesRls)),
    statement: (facts) => {
      if (facts.serviceRoleBypassesRls === false) return 'alter role service_role bypassrls;'
      return facts.majorVersion >= 16
        ? `alter role ${me(facts)} bypassrls;`
        : 'create role service_role nologin noinherit bypassrls;'
    },
  },
  {
    // Up to 15, CREATEROLE governs every role; from 16 on, only those that were made by it or handed to it.
    met: (facts) => facts.majorVersion < 16 || facts.superuser || facts.rolesWithoutAdmin.length === 0,
    statement: (facts) =>
      `grant ${facts.rolesWithoutAdmin.map(quoteName).join(', ')} to ${me(facts)} with admin option;`,
  },
]

/** Without these committed changes cannot be read from the WAL. */
const toReplicate: readonly Prerequisite[] = [
  {
    met: (facts) => facts.mayReplicate,
    statement: (facts) => `alter role ${me(facts)} replication;`,
  },
  {
    met: (facts) => facts.walLevel === 'logical',
    statement: () => 'alter system set wal_level = logical; -- then restart PostgreSQL',
  },
  {
    met: (facts, systems) => facts.replicationSlots >= systems.length,
    statement: (_, systems) =>
      `alter system set max_replication_slots = ${systems.length * 2}; -- then restart PostgreSQL`,
  },
  {
    met: (facts, systems) => facts.walSenders >= systems.length,
    statement: (_, systems) =>
      `alter system set max_wal_senders = ${systems.length * 2}; -- then restart PostgreSQL`,
  },
]

/** Without these no tenant can be rewound. */
const toRewind: readonly Prerequisite[] = [
  {
    met: (facts) => facts.mayGrantTriggersOff,
    statement: (facts) =>
      `grant set on parameter session_replication_role to ${me(facts)} with grant option;`,
  },
]

/** The statements that an administrator has to run, in order; empty lists when nothing is missing. */
export function findMissing(facts: ClusterFacts, systems: readonly string[]) {
  const statementsOf = (prerequisites: readonly Prerequisite[]) =>
    prerequisites
      .filter((prerequisite) => !prerequisite.met(facts, systems))
      .map((prerequisite) => prerequisite.statement(facts, systems))
  return {
    toStart: statementsOf(toStart),
    toReplicate: statementsOf(toReplicate),
    toRewind: statementsOf(toRewind),
  }
}
