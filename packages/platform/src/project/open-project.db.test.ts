import { actor } from '@plinth/testing'
import { openTestSystem, useSystem } from '@plinth/testing/system'
import { SignJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import { type ProjectDatabase, sql } from '../database/index.ts'
import { defineCapability, defineSystem, offerKey, useCapabilities } from '../system/index.ts'

interface Bell {
  ring(): string
}
const bellOffer = offerKey<Bell>('bell')

/** Every declaration of a capability once. */
const bell = (defaults: { tone?: string } = {}) =>
  defineCapability({
    name: 'bell',
    requires: ['journal'],
    migrations: async () => ({
      name: 'bell',
      migrations: [
        {
          name: '001_bell.sql',
          checksum: 'bell',
          sql: `create table plinth.rings (tone text not null);
            alter table plinth.rings enable row level security;`,
        },
      ],
    }),
    settings: z.object({ tone: z.string().default('ding') }),
    defaults,
    open: ({ settings, database, clock }) => {
      const ring = () => `${settings.tone} at ${clock.now().toISOString()}`
      return {
        offer: { ring } satisfies Bell,
        context: () => ({ bell: { ring } }),
        jobs: [ringJob(database, settings.tone)],
        health: [{ name: 'bell', check: () => ({ status: 'ok' as const }) }],
      }
    },
  })

const ringJob = (database: ProjectDatabase, tone: string) => ({
  name: 'ring-the-bell',
  summary: 'Rings.',
  payload: z.object({}),
  run: async () => void (await database.asOwner(sql`insert into plinth.rings values (${tone})`)),
})

const { uses, defineFunction, defineJob } = useCapabilities(bell({ tone: 'dong' }))

const tower = defineSystem({
  name: 'tower',
  summary: 'A tower with a bell.',
  tenant: null,
  uses,
  settings: z.object({ height: z.number().default(12) }),
  migrations: async () => ({
    name: 'tower',
    migrations: [
      {
        name: '001_initial_schema.sql',
        checksum: 'tower',
        sql: `create table public.steps (id int primary key);
          alter table public.steps enable row level security;`,
      },
    ],
  }),
  functions: [
    defineFunction({
      name: 'ring',
      summary: 'Rings the bell.',
      access: 'user',
      input: z.object({}),
      output: z.object({ rang: z.string() }),
      handle: async ({ bell: found }) => ({ rang: found.ring() }),
    }),
  ],
  jobs: [
    defineJob({
      name: 'strike',
      summary: 'Strikes, by the bell of its context.',
      payload: z.object({}),
      run: async ({ bell: found, db, queue }) => {
        await db.query(sql`insert into public.steps select length(${found.ring()})`)
        await queue('ring-the-bell')
      },
    }),
  ],
  realtimeTables: [],
  journalledTables: [],
})

const demoSecret = 'super-secret-jwt-token-with-at-least-32-characters-long'
const ada = actor('ada')

describe('a project is put together from what its system declares', () => {
  const system = useSystem(tower, {
    environment: {
      PLINTH_TOWER_BELL_TONE: 'clang',
      PLINTH_TOWER_JWT_SECRET: demoSecret,
      PLINTH_TOWER_ALLOWED_ORIGINS: 'https://app.example.com',
    },
  })

  it('gives handlers what the capabilities add, under the settings of the environment', async () => {
    expect((await system.call('ring', {}, { as: ada })).body).toMatchObject({
      data: { rang: 'clang at 2026-01-15T12:00:00.000Z' },
    })
    expect(system.project.offer(bellOffer).ring()).toContain('clang')
    expect(system.project.settings.of('')).toMatchObject({ height: 12 })
    expect(system.project.health.map(({ name }) => name)).toContain('tower/bell')
  })

  it('runs the jobs of the system and of its capabilities from one queue', async () => {
    await system.jobs.run('strike')
    const { rows } = await system.database.asOwner(sql`select tone from plinth.rings`)
    expect(rows).toEqual([{ tone: 'clang' }])
    await expect(system.project.jobs.add('unknown')).rejects.toMatchObject({ code: 'unknown_job' })
  })

  it('takes keys that were signed with the secret it was given, as those of a Supabase project', async () => {
    const key = await new SignJWT({ iss: 'supabase-demo', role: 'service_role', exp: 1_983_812_996 })
      .setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
      .sign(new TextEncoder().encode(demoSecret))
    const answer = await system.request('/rest/v1/steps', { headers: { apikey: key } })
    expect(answer.status).toBe(200)
  })

  it('has the origins that it was given', () => {
    expect(system.project.cors).toEqual({ origins: ['https://app.example.com'], credentials: false })
  })
})

describe('a job that a capability has as well', () => {
  it('is refused when the project is opened', async () => {
    const twice = { ...tower, jobs: [...tower.jobs, { ...tower.jobs[0]!, name: 'ring-the-bell' }] }
    await expect(openTestSystem(twice)).rejects.toMatchObject({ code: 'duplicate_job' })
  })
})

describe('what a system does not use', () => {
  const system = useSystem({ ...tower, name: 'bare', uses: [], functions: [], jobs: [] })

  it('leaves nothing in its database', async () => {
    const { rows } = await system.database.asOwner(sql`
      select to_regclass('plinth.rings') as rings, to_regclass('plinth.holds') as holds`)
    expect(rows).toEqual([{ rings: null, holds: null }])
    expect(system.project.jobDefinitions.map(({ name }) => name)).not.toContain('ring-the-bell')
  })
})
