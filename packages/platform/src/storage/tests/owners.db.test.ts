import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { holds } from '../../holds/index.ts'
import { privacyOffer } from '../../privacy/index.ts'
import { rewindOffer } from '../../rewind/index.ts'
import { storageOffer } from '../index.ts'
import { filesSystem, type ServedStorage, serveStorage } from './serve-storage.ts'

const declared = filesSystem({ accountFunction: 'public.account_of' })
const account = '11111111-1111-4111-8111-111111111111'
const system = useSystem(
  {
    ...declared,
    uses: [...(declared.uses ?? []), holds()],
    journalledTables: ['shops', 'goods'],
    personalColumns: { goods: { columns: ['buyer'], subject: 'buyer' } },
    migrations: async () => {
      const { migrations } = await declared.migrations()
      const more = `alter table public.goods add column buyer text;
        create function public.account_of(text, text, text) returns uuid language sql stable set search_path = ''
        as $$ select '${account}'::uuid where $1 = 'mine' $$;`
      return { name: 'files', migrations: [...migrations, { name: '002_more', sql: more, checksum: more }] }
    },
  },
  { stream: true },
)
const ada = actor('ada')
let served: ServedStorage

beforeAll(async () => {
  served = await serveStorage(system)
  await system.database.asOwner(sql`select plinth.set_limit('bytes', ${account}, 1000000)`)
})
afterAll(() => served.stop(0))

const bucket = async () => (await served.as('service')).storage.from('closed')
const put = async (path: string, content: string) => {
  const { error } = await (await bucket()).upload(path, content, { upsert: true })
  if (error) throw error
}
const read = async (path: string) => {
  const { data } = await (await bucket()).download(path)
  return data?.text()
}
const blobs = async () => (await system.project.offer(storageOffer).reconcile({ repairs: false })).checked
const operator = { user: 'operator', role: 'service_role', requestId: null, via: null, reason: null }

describe('a rewind', () => {
  it('brings the tenant’s files back with their bytes, leaves the neighbour’s, and is itself undone', async () => {
    const change = (id: string) =>
      system.database.asOwner(sql`insert into public.goods (id, shop_id) values (${id}, 's1')`)
    await system.database.asOwner(sql`insert into public.shops values ('s1'), ('s2')`)
    await put('s1/kept.txt', 'kept')
    await put('s1/changed.txt', 'before')
    await put('s1/removed.txt', 'removed')
    await change('one')
    const rewinding = system.project.offer(rewindOffer)
    await system.project.tail.settle()
    const { rows } = await system.database.asOwner<{ sequence: string }>(
      sql`select sequence from plinth_journal.heads where tenant = 's1'`,
    )
    const point = Number(rows[0]!.sequence)
    await change('two')
    await put('s1/changed.txt', 'after')
    await put('s1/made.txt', 'made')
    await put('s2/neighbour.txt', 'neighbour')
    await (await bucket()).remove(['s1/removed.txt'])
    await (await bucket()).move('s1/kept.txt', 's1/moved.txt')
    const applied = await rewinding.apply({ tenant: 's1', to: point, actor: operator })
    const names = ['kept', 'changed', 'removed', 'made', 'moved']
    const contents = () => Promise.all(names.map((name) => read(`s1/${name}.txt`)))
    expect(await contents()).toEqual(['kept', 'before', 'removed', undefined, undefined])
    expect(await read('s2/neighbour.txt')).toBe('neighbour')
    await rewinding.apply({ tenant: 's1', to: applied.undoneBy!, actor: operator })
    expect(await contents()).toEqual([undefined, 'after', undefined, 'made', 'kept'])
  })

  it('finds no bytes once their retention is over, and says so', async () => {
    await put('s3/old.txt', 'old')
    await (await bucket()).remove(['s3/old.txt'])
    const before = await blobs()
    await system.project.offer(storageOffer).sweep({ grace: 0 })
    expect(await blobs()).toBe(before)
    await system.database.asOwner(
      sql`update plinth.storage_history set changed_at = '2025-01-01' where name = 's3/old.txt'`,
    )
    await system.project.offer(storageOffer).sweep({ grace: 0 })
    expect(await read('s3/old.txt')).toBeUndefined()
    expect(await blobs()).toBeLessThan(before)
  })
})

describe('an owner', () => {
  it('that is a tenant is given its files, and they are gone with it at once', async () => {
    await system.database.asOwner(sql`insert into public.shops values ('s9')`)
    await put('s9/a/one.txt', 'one')
    await put('s9/b.txt', 'overwritten')
    await put('s9/b.txt', 'two')
    await put('s99/other.txt', 'two')
    const privacy = system.project.offer(privacyOffer)
    const folder = join(await mkdtemp(join(tmpdir(), 'plinth-export-')), 'out')
    await privacy.tenants.export('s9', folder)
    expect(await readFile(join(folder, 'files/closed/s9/a/one.txt'), 'utf8')).toBe('one')
    await privacy.tenants.erase('s9')
    await system.jobs.runDue()
    expect(await read('s9/b.txt')).toBeUndefined()
    expect(await read('s99/other.txt')).toBe('two')
    const { rows } = await system.database.asOwner(
      sql`select from plinth.storage_history where name like 's9/%' union all select from plinth.storage_versions where name like 's9/%'`,
    )
    expect(rows).toEqual([])
    expect(await system.project.offer(storageOffer).reconcile({ grace: 0 })).toMatchObject({
      orphans: [],
      missing: [],
    })
    await rm(folder, { recursive: true })
  })

  it('that is a person is given what they own, and it is gone with them', async () => {
    await system.database.asOwner(
      sql`insert into public.goods (id, shop_id, buyer) values ('x', 's1', ${ada.userId})`,
    )
    const { storage } = await served.as(ada)
    await storage.from('mine').upload(`${ada.userId}/letter.txt`, 'dear')
    await system.project.offer(privacyOffer).persons.erase(ada.userId, { settle: async () => '0/0' })
    expect((await storage.from('mine').exists(`${ada.userId}/letter.txt`)).data).toBe(false)
  })
})

describe('room', () => {
  const used = async () => {
    const { rows } = await system.database.asOwner<{ used: string; held: string }>(
      sql`select used, held from plinth.pools where kind = 'bytes' and thing = ${account}`,
    )
    return [Number(rows[0]!.used), Number(rows[0]!.held)]
  }

  it('is taken at the true size, given back on removal, and refuses what is more', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const at = (name: string) => `${ada.userId}/room/${name}`
    const [start] = await used()
    expect((await mine.upload(at('a'), 'x'.repeat(1_000))).error).toBeNull()
    await mine.upload(at('b'), new Blob(['y'.repeat(2_000)]))
    await mine.copy(at('b'), at('c'))
    expect(await used()).toEqual([start! + 5_000, 0])
    await mine.upload(at('a'), 'x'.repeat(10), { upsert: true })
    await mine.remove([at('b'), at('c')])
    expect(await used()).toEqual([start! + 10, 0])
    await system.database.asOwner(sql`select plinth.set_limit('bytes', ${account}, ${start! + 1_000})`)
    expect((await mine.upload(at('d'), 'z'.repeat(2_000))).error).toMatchObject({ statusCode: '413' })
    expect((await mine.upload(at('e'), new Blob(['z'.repeat(2_000)]))).error).toMatchObject({
      statusCode: '413',
    })
    const refused = await fetch(`${served.url}/storage/v1/object/mine/${at('f')}`, {
      method: 'POST',
      headers: await served.headersOf(ada),
      body: 'z'.repeat(2_000),
    })
    expect(await refused.json()).toMatchObject({ plinthCode: 'quota_exceeded' })
    expect((await mine.upload(at('a'), 'again')).error).toMatchObject({ statusCode: '409' })
    expect(await used()).toEqual([start! + 10, 0])
  })

  it('of an upload that comes second is given back', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const [start] = await used()
    await system.database.asOwner(sql`select plinth.set_limit('bytes', ${account}, ${start! + 100_000})`)
    const outcomes = await Promise.all(
      Array.from({ length: 8 }, (_, n) => mine.upload(`${ada.userId}/same`, String(n).repeat(1_000))),
    )
    expect(outcomes.filter(({ error }) => error === null)).toHaveLength(1)
    expect(await used()).toEqual([start! + 1_000, 0])
  })

  it('of uploads at the same time is never more than there is', async () => {
    const mine = (await served.as(ada)).storage.from('mine')
    const [start] = await used()
    await system.database.asOwner(sql`select plinth.set_limit('bytes', ${account}, ${start! + 5_000})`)
    const outcomes = await Promise.all(
      Array.from({ length: 12 }, (_, at) => mine.upload(`${ada.userId}/many/${at}`, 'x'.repeat(1_000))),
    )
    expect(outcomes.filter(({ error }) => error === null)).toHaveLength(5)
    expect(await used()).toEqual([start! + 5_000, 0])
  })
})
