import { describe, expect, test } from 'vitest'
import { checkFitness } from './connect-external-engine.ts'
import { findMissing } from './external-prerequisites.ts'
import type { ClusterFacts } from './read-cluster-facts.ts'

const superuser: ClusterFacts = {
  majorVersion: 18,
  walLevel: 'logical',
  replicationSlots: 10,
  walSenders: 10,
  readOnly: false,
  role: 'plinth',
  superuser: true,
  mayCreateDatabases: true,
  mayCreateRoles: true,
  bypassesRls: true,
  mayReplicate: true,
  mayGrantTriggersOff: true,
  databasesPresent: 0,
  serviceRoleBypassesRls: null,
  rolesWithoutAdmin: [],
}

const ordinary = { ...superuser, superuser: false, bypassesRls: false }
const systems = ['shops', 'courses']

interface Case {
  readonly what: string
  readonly facts: ClusterFacts
  readonly toStart?: readonly string[]
  readonly toReplicate?: readonly string[]
  readonly toRewind?: readonly string[]
}

const cases: readonly Case[] = [
  { what: 'a superuser needs nothing', facts: superuser },
  {
    what: 'no CREATEDB',
    facts: { ...superuser, mayCreateDatabases: false },
    toStart: ['alter role "plinth" createdb;'],
  },
  {
    what: 'no CREATEDB, but every database is there',
    facts: { ...superuser, mayCreateDatabases: false, databasesPresent: 2 },
  },
  {
    what: 'no CREATEROLE, and a name that wants quoting',
    facts: { ...superuser, mayCreateRoles: false, role: 'the "admin"' },
    toStart: ['alter role "the ""admin""" createrole;'],
  },
  {
    what: 'service_role cannot be made (16 and newer)',
    facts: ordinary,
    toStart: ['alter role "plinth" bypassrls;'],
  },
  {
    what: 'service_role cannot be made (15: not even with BYPASSRLS)',
    facts: { ...ordinary, majorVersion: 15, bypassesRls: true },
    toStart: ['create role service_role nologin noinherit bypassrls;'],
  },
  { what: 'service_role can be made with BYPASSRLS', facts: { ...ordinary, bypassesRls: true } },
  { what: 'service_role is there', facts: { ...ordinary, serviceRoleBypassesRls: true } },
  {
    what: 'service_role is there, but below row level security',
    facts: { ...superuser, serviceRoleBypassesRls: false },
    toStart: ['alter role service_role bypassrls;'],
  },
  {
    what: 'roles that somebody else made (16 and newer)',
    facts: { ...ordinary, serviceRoleBypassesRls: true, rolesWithoutAdmin: ['anon', 'owner_shops'] },
    toStart: ['grant "anon", "owner_shops" to "plinth" with admin option;'],
  },
  {
    what: 'roles that somebody else made (15: CREATEROLE is enough)',
    facts: { ...ordinary, majorVersion: 15, serviceRoleBypassesRls: true, rolesWithoutAdmin: ['anon'] },
  },
  {
    what: 'no REPLICATION',
    facts: { ...superuser, mayReplicate: false },
    toReplicate: ['alter role "plinth" replication;'],
  },
  {
    what: 'no right to let others switch triggers off',
    facts: { ...ordinary, serviceRoleBypassesRls: true, mayGrantTriggersOff: false },
    toRewind: ['grant set on parameter session_replication_role to "plinth" with grant option;'],
  },
  {
    what: 'another wal_level, too few slots and senders',
    facts: { ...superuser, walLevel: 'replica', replicationSlots: 1, walSenders: 0 },
    toReplicate: [
      'alter system set wal_level = logical; -- then restart PostgreSQL',
      'alter system set max_replication_slots = 4; -- then restart PostgreSQL',
      'alter system set max_wal_senders = 4; -- then restart PostgreSQL',
    ],
  },
]

describe('what an administrator has to run', () => {
  test.each(cases)('$what', ({ facts, toStart = [], toReplicate = [], toRewind = [] }) => {
    expect(findMissing(facts, systems)).toEqual({ toStart, toReplicate, toRewind })
  })
})

describe('a cluster that will not do at all', () => {
  test('an old one: external_postgres_too_old', () => {
    expect(() => checkFitness({ ...superuser, majorVersion: 14 }, systems, 'db:5432')).toThrow(
      'The PostgreSQL at db:5432 is version 14; Plinth needs 15 or newer.',
    )
  })

  test('a standby: external_postgres_read_only', () => {
    expect(() => checkFitness({ ...superuser, readOnly: true }, systems, 'db:5432')).toThrow(
      'The PostgreSQL at db:5432 is a standby: nothing can be written there.',
    )
  })
})
