import { readFile } from 'node:fs/promises'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { must, signUp } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

const isAsked = process.env.PLINTH_TEST_LONG === '1'
const rows = Number(process.env.PLINTH_TEST_ROWS ?? 1_000_000)
/** Persons, more than the journal remembers keys of. */
const conversations = 22_000
const minutes = 60_000
const mebibyte = 1024 * 1024

/** What the server was like while something was going on. */
interface Course {
  readonly slowestAnswer: number
  readonly grownBytes: number
  readonly mostRetained: number
  readonly walStatuses: readonly string[]
  readonly seconds: number
}

interface TailDetail {
  readonly retainedBytes: number | null
  readonly walStatus: string | null
  readonly missed: { readonly reason: string } | null
}

describe.runIf(isAsked)(`transactions of ${rows} rows with personal columns (PLINTH_TEST_LONG=1)`, () => {
  let data: Awaited<ReturnType<typeof createDataDir>>
  let plinth: Plinth
  let shops: SystemStatus
  let owner: pg.Client
  let shopId: string

  beforeAll(async () => {
    data = await createDataDir()
    plinth = await startPlinth({ dataDir: data.dataDir, arguments: ['shops'] })
    shops = plinth.systems.shops!
    const account = await signUp(shops, 'writer')
    const shop = { name: 'Talkative', owner_id: account.userId, timezone: 'Europe/London', currency: 'GBP' }
    shopId = must(await account.client.from('shops').insert(shop).select('id').single()).id
    owner = new pg.Client({ connectionString: shops.db_url })
    await owner.connect()
    await owner.query('set statement_timeout = 0')
    await owner.query(
      `insert into conversations (shop_id, customer_name, customer_contact)
       select $1, 'Customer ' || n, n || '@example.test' from generate_series(1, ${conversations}) n`,
      [shopId],
    )
  }, 3 * minutes)
  afterAll(async () => {
    await owner?.end()
    await plinth?.stop()
    await data?.remove()
  })

  const health = async (): Promise<TailDetail> => {
    const answer = await fetch(new URL('/health', shops.api_url), {
      headers: { apikey: shops.service_role_key },
    })
    const report = (await answer.json()) as { checks: Record<string, { detail: TailDetail }> }
    return report.checks['shops/tail']!.detail
  }

  const residentBytes = async (): Promise<number> => {
    const status = await readFile(`/proc/${plinth.pid}/status`, 'utf8')
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]) * 1024
  }

  /** Entries that readers of the journal see: none of a transaction before all of them. */
  const journalled = async (operation: string): Promise<number> => {
    const { rows: found } = await owner.query<{ n: string }>(
      `select count(*) as n from plinth_journal.entries where relation = 'public.messages' and operation = $1`,
      [operation],
    )
    return Number(found[0]!.n)
  }

  async function observe(work: () => Promise<unknown>): Promise<Course> {
    const began = performance.now()
    const before = await residentBytes()
    const course = { slowestAnswer: 0, mostBytes: before, mostRetained: 0, walStatuses: new Set<string>() }
    let goesOn = true
    const asking = (async () => {
      while (goesOn) {
        const asked = performance.now()
        expect((await fetch(new URL('/health/live', shops.api_url))).status).toBe(200)
        course.slowestAnswer = Math.max(course.slowestAnswer, performance.now() - asked)
        await new Promise((resolve) => setTimeout(resolve, 20))
      }
    })()
    const measuring = (async () => {
      while (goesOn) {
        course.mostBytes = Math.max(course.mostBytes, await residentBytes())
        const { retainedBytes, walStatus } = await health()
        course.mostRetained = Math.max(course.mostRetained, retainedBytes ?? 0)
        course.walStatuses.add(walStatus ?? 'none')
        await new Promise((resolve) => setTimeout(resolve, 500))
      }
    })()
    try {
      await work()
    } finally {
      goesOn = false
      await Promise.all([asking, measuring])
    }
    const { slowestAnswer, mostRetained } = course
    return {
      slowestAnswer,
      mostRetained,
      grownBytes: course.mostBytes - before,
      walStatuses: [...course.walStatuses],
      seconds: (performance.now() - began) / 1000,
    }
  }

  function expectBounded(course: Course): void {
    const { slowestAnswer, grownBytes, mostRetained, seconds } = course
    process.stdout.write(
      `${rows} rows in ${Math.round(seconds)} s, slowest answer ${Math.round(slowestAnswer)} ms, memory grew by ` +
        `${Math.round(grownBytes / mebibyte)} MB, ${Math.round(mostRetained / mebibyte)} MB of WAL retained\n`,
    )
    expect(course.slowestAnswer).toBeLessThan(250)
    expect(course.grownBytes).toBeLessThan(256 * mebibyte)
    expect(course.mostRetained).toBeGreaterThan(0)
    expect(course.walStatuses).not.toContain('lost')
  }

  it.each([
    [
      'insert',
      `insert into messages (shop_id, conversation_id, sender, text)
       select c.shop_id, c.id, 'user', 'message ' || n || repeat(' and so on', 5)
       from generate_series(1, ${rows}) n
       join (select *, row_number() over () - 1 as place from conversations) c on c.place = n % ${conversations}`,
    ],
    ['update', `update messages set text = text || '!'`],
  ])(
    'are journalled while the server answers: %s',
    async (operation, statement) => {
      const course = await observe(async () => {
        expect((await owner.query(statement)).rowCount).toBe(rows)
        for (;;) {
          const seen = await journalled(operation)
          expect([0, rows]).toContain(seen)
          if (seen === rows) return
          await new Promise((resolve) => setTimeout(resolve, 1_000))
        }
      })
      expectBounded(course)
      expect((await health()).missed?.reason ?? 'beginning').toBe('beginning')
    },
    15 * minutes,
  )

  it(
    'are sound',
    async () => {
      const { code, stdout, stderr } = await runPlinth(data.dataDir, ['journal', 'verify', 'shops'])
      expect({ code, stderr }).toEqual({ code: 0, stderr: '' })
      expect(stdout).toContain('sound:')
    },
    5 * minutes,
  )
})
