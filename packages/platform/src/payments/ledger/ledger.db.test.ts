import { actor, asSuperuser, service, useTestDatabase } from '@plinth/testing'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { readPaymentMigrations } from '../migrations.ts'
import { allocate } from './allocate.ts'

const test = useTestDatabase({
  migrations: [readPaymentMigrations()],
  connections: { requests: 1, owner: 24 },
})

interface Line {
  readonly account: string
  readonly amount: number | string | null
  readonly currency?: string
  readonly tenant?: string
}

const accounts = { cash: 'asset', sales: 'income', tax: 'liability', wallet: 'liability' } as const

async function open(tenant: string, currency = 'EUR', names = Object.keys(accounts)) {
  for (const name of names)
    await test.database.asOwner(sql`
      select plinth.open_ledger_account(${tenant}, ${name}, ${currency},
        ${accounts[name as keyof typeof accounts]}, ${name !== 'wallet'})`)
}

const linesOf = (tenant: string, lines: readonly Line[]) =>
  JSON.stringify(lines.map((line) => ({ tenant, currency: 'EUR', ...line })))

async function post(tenant: string, key: string, lines: readonly Line[]): Promise<string> {
  const { rows } = await test.database.asOwner<{ id: string }>(sql`
    select plinth.post_ledger(${key}, array(
      select row(l.tenant, l.account, l.currency, l.amount)::plinth.ledger_line
      from jsonb_to_recordset(${linesOf(tenant, lines)}::jsonb) l (tenant text, account text, currency text, amount bigint)))
    as id`)
  return rows[0]!.id
}

const balance = async (tenant: string, account: string, at: string | null = null, currency = 'EUR') =>
  (
    await test.database.asOwner<{ balance: string | null }>(sql`
      select plinth.ledger_balance(${tenant}, ${account}, ${currency}, coalesce(${at}::timestamptz, 'infinity')) as balance`)
  ).rows[0]!.balance

const codeOf = async (work: Promise<unknown>) => {
  try {
    await work
    return 'nothing was refused'
  } catch (error) {
    const { code, detail } = error as { code: string; detail?: string }
    return `${detail?.startsWith('{') ? (JSON.parse(detail) as { code: string }).code : ''} ${code}`.trim()
  }
}

const problems = async (full = false) =>
  (
    await test.database.asOwner<{ tenant: string; name: string; problem: string }>(
      sql`select tenant, name, problem from plinth.check_ledger(${full})`,
    )
  ).rows

describe('posting', () => {
  it('moves balances by lines that sum to zero, and again under the same key changes nothing', async () => {
    await open('a')
    const sale = [
      { account: 'cash', amount: 1_190 },
      { account: 'sales', amount: -1_000 },
      { account: 'tax', amount: -190 },
    ]
    const first = await post('a', 'a:sale', sale)
    expect(await post('a', 'a:sale', sale.toReversed())).toBe(first)
    expect([await balance('a', 'cash'), await balance('a', 'sales'), await balance('a', 'tax')]).toEqual([
      '1190',
      '-1000',
      '-190',
    ])
  })

  it.each([
    ['one line', [{ account: 'cash', amount: 1 }]],
    ['no line', []],
    [
      'another sum than zero',
      [
        { account: 'cash', amount: 2 },
        { account: 'sales', amount: -1 },
      ],
    ],
    [
      'zero in all, not in each currency',
      [
        { account: 'cash', amount: 1, currency: 'USD' },
        { account: 'sales', amount: -1 },
      ],
    ],
    [
      'an account twice',
      [
        { account: 'cash', amount: 1 },
        { account: 'cash', amount: 1 },
        { account: 'sales', amount: -2 },
      ],
    ],
    [
      'a line of zero',
      [
        { account: 'cash', amount: 0 },
        { account: 'sales', amount: 0 },
      ],
    ],
    [
      'a line of nothing',
      [
        { account: 'cash', amount: null },
        { account: 'sales', amount: 1 },
        { account: 'tax', amount: -1 },
      ],
    ],
  ])('refuses %s', async (_case, lines) => {
    await open('refused')
    expect(await codeOf(post('refused', 'refused:1', lines))).toBe('ledger_unbalanced PT422')
    expect(await balance('refused', 'cash')).toBe('0')
  })

  it('refuses an account that was never opened, a key that names another cause, and a differing account', async () => {
    await open('b', 'EUR', ['cash', 'sales'])
    const lines = [
      { account: 'cash', amount: 5 },
      { account: 'sales', amount: -5 },
    ]
    expect(await codeOf(post('b', 'b:1', [lines[0]!, { account: 'tax', amount: -5 }]))).toBe(
      'ledger_account_unknown PT404',
    )
    await post('b', 'b:1', lines)
    const others = lines.map((line) => ({ ...line, amount: line.amount * 2 }))
    expect(await codeOf(post('b', 'b:1', others))).toBe('ledger_key_taken PT409')
    const differing = sql`select plinth.open_ledger_account('b', 'cash', 'EUR', 'income')`
    expect(await codeOf(test.database.asOwner(differing))).toBe('ledger_account_differs PT409')
  })

  it('never overdraws an account that may not be, also under callers at the same instant', async () => {
    await open('c', 'EUR', ['cash', 'wallet'])
    await post('c', 'c:load', [
      { account: 'cash', amount: 10 },
      { account: 'wallet', amount: -10 },
    ])
    const spend = (n: number) =>
      codeOf(
        post('c', `c:spend ${n}`, [
          { account: 'wallet', amount: 1 },
          { account: 'cash', amount: -1 },
        ]),
      )
    const codes = await Promise.all(Array.from({ length: 25 }, (_, n) => spend(n)))
    expect(codes.filter((code) => code === 'ledger_overdrawn PT409')).toHaveLength(15)
    expect(await balance('c', 'wallet')).toBe('0')
  })

  it('reverses a transaction once', async () => {
    await open('d', 'EUR', ['cash', 'sales'])
    const id = await post('d', 'd:1', [
      { account: 'cash', amount: 7 },
      { account: 'sales', amount: -7 },
    ])
    const reverse = (key: string) => test.database.asOwner(sql`select plinth.reverse_ledger(${key}, ${id})`)
    await reverse('d:1 reversed')
    await reverse('d:1 reversed')
    expect(await codeOf(reverse('d:1 reversed again'))).toBe('23505')
    expect([await balance('d', 'cash'), await balance('d', 'sales')]).toEqual(['0', '0'])
  })

  it('keeps currencies of no, two and three decimals apart', async () => {
    for (const currency of ['JPY', 'EUR', 'KWD']) await open('e', currency, ['cash', 'sales'])
    await post(
      'e',
      'e:1',
      ['JPY', 'EUR', 'KWD'].flatMap((currency, n) => [
        { account: 'cash', amount: n + 1, currency },
        { account: 'sales', amount: -n - 1, currency },
      ]),
    )
    const major = await test.database.asOwner<{ major: string }>(sql`
      select plinth.to_major(balance, currency)::text as major from plinth.ledger_accounts
      where tenant = 'e' and name = 'cash' order by id`)
    expect(major.rows.map((row) => row.major)).toEqual(['1', '0.02', '0.003'])
  })
})

describe('at the same instant', () => {
  it('many callers post random transfers: no deadlock, no gap, and every check holds', async () => {
    const names = ['u', 'v', 'w', 'x', 'y', 'z']
    for (const name of names)
      await test.database.asOwner(sql`select plinth.open_ledger_account('many', ${name}, 'EUR', 'asset')`)
    const transfers = fc.sample(
      fc.record({
        parts: fc.shuffledSubarray(names, { minLength: 2, maxLength: 5 }),
        amount: fc.integer({ min: 1, max: 9 }),
      }),
      { numRuns: 300, seed: 12 },
    )
    await Promise.all(
      transfers.map(({ parts: [first, ...rest], amount }, n) =>
        post('many', `many:${n % 250}`, [
          { account: first!, amount: amount * rest.length },
          ...rest.map((account) => ({ account, amount: -amount })),
        ]).catch((error: { code: string }) => {
          if (error.code !== 'PT409' && error.code !== '23505') throw error
        }),
      ),
    )
    const { rows } = await test.database.asOwner<{ postings: string; sum: string; transactions: string }>(sql`
      select sum(a.postings) as postings, sum(a.balance) as sum,
        (select count(*) from plinth.ledger_transactions where key like 'many:%') as transactions
      from plinth.ledger_accounts a where a.tenant = 'many'`)
    expect(rows[0]).toMatchObject({ sum: '0', transactions: '250' })
    expect(await problems()).toEqual([])
    expect(await problems(true)).toEqual([])
  })
})

describe('reading', () => {
  it('gives the balance of any instant, and a statement that leads from one to the next', async () => {
    await open('r', 'EUR', ['cash', 'sales'])
    const at = (hour: number) => `2026-03-01T${String(hour).padStart(2, '0')}:00:00Z`
    for (const hour of [8, 9, 9, 11])
      await test.database.transactionAsOwner(async ({ query }) => {
        await query(sql`select set_config('plinth.clock', ${at(hour)}, true)`)
        await query(sql`select plinth.post_ledger(gen_random_uuid()::text, array[
          row('r', 'cash', 'EUR', ${hour})::plinth.ledger_line, row('r', 'sales', 'EUR', ${-hour})::plinth.ledger_line])`)
      })
    const read = await Promise.all([7, 8, 9, 10, 11].map((hour) => balance('r', 'cash', at(hour))))
    expect(read).toEqual(['0', '8', '26', '26', '37'])
    const { rows } = await test.database.asOwner<{ amount: string; balance: string; sequence: string }>(sql`
      select sequence, amount, balance from plinth.ledger_statement('r', 'cash', 'EUR', ${at(9)}, ${at(11)})`)
    expect(rows).toEqual([
      { sequence: '2', amount: '9', balance: '17' },
      { sequence: '3', amount: '9', balance: '26' },
    ])
    expect(await balance('r', 'nothing')).toBeNull()
  })

  it('reads one row for a balance, however many postings there are', async () => {
    await open('bulk', 'EUR', ['cash', 'sales'])
    await test.database.asOwner(sql`
      select plinth.post_ledger('bulk:' || n, array[
        row('bulk', 'cash', 'EUR', 1)::plinth.ledger_line, row('bulk', 'sales', 'EUR', -1)::plinth.ledger_line])
      from generate_series(1, 300) n`)
    const { rows } = await test.database.asOwner<{ 'QUERY PLAN': string }>(sql`
      explain (analyze, costs off, timing off, summary off, buffers off) select p.balance from plinth.ledger_postings p
      where p.account = (select id from plinth.ledger_accounts where tenant = 'bulk' and name = 'cash')
        and p.posted_at <= now() order by p.posted_at desc, p.sequence desc limit 1`)
    const plan = rows.map((row) => row['QUERY PLAN']).join('\n')
    expect(plan).toContain('ledger_postings_by_instant')
    expect(plan).not.toContain('Sort')
  })

  it('allocates as the code does', async () => {
    const cases = fc.sample(
      fc.tuple(
        fc.bigInt({ min: -(10n ** 14n), max: 10n ** 14n }),
        fc.array(fc.bigInt({ min: 1n, max: 10n ** 9n }), { minLength: 1, maxLength: 8 }),
      ),
      { numRuns: 200, seed: 4 },
    )
    const given = JSON.stringify(cases.map(([amount, weights]) => [String(amount), weights.map(String)]))
    const { rows } = await test.database.asOwner<{ parts: string[] }>(sql`
      select plinth.allocate((c.value ->> 0)::bigint, array(select w::bigint from jsonb_array_elements_text(c.value -> 1) w))::text[]
        as parts
      from jsonb_array_elements(${given}::jsonb) with ordinality c (value, n) order by n`)
    expect(rows.map(({ parts }) => parts.map(BigInt))).toEqual(
      cases.map(([amount, weights]) => allocate(amount, weights)),
    )
  })
})

describe('nobody alters what was posted', () => {
  const tamper = [
    ['a posting', `update plinth.ledger_postings set amount = amount + 1`],
    ['a transaction', `update plinth.ledger_transactions set about = '{}'`],
    ['postings away', `delete from plinth.ledger_postings`],
    ['transactions away', `truncate plinth.ledger_transactions cascade`],
    ['all postings away', `truncate plinth.ledger_postings`],
    ['an account away', `delete from plinth.ledger_accounts`],
    ['the currency of an account', `update plinth.ledger_accounts set currency = 'USD' where tenant = 'own'`],
  ] as const

  it.each(tamper)('the owner of the database does not take or change %s', async (_what, text) => {
    await open('own', 'EUR', ['cash', 'sales'])
    await post('own', 'own:1', [
      { account: 'cash', amount: 3 },
      { account: 'sales', amount: -3 },
    ])
    expect(await codeOf(test.database.asOwner({ text }))).toBe('23001')
  })

  it('lines that do not sum to zero are refused even from the owner', async () => {
    await open('own', 'EUR', ['cash', 'sales'])
    const insert = sql`
      with t as (insert into plinth.ledger_transactions (key, posted_at, occurred_at) values ('own:odd', now(), now()) returning id)
      insert into plinth.ledger_postings (account, sequence, transaction, amount, balance, posted_at)
      select a.id, a.postings + 1, t.id, 1, a.balance + 1, now() from t, plinth.ledger_accounts a where a.tenant = 'own'`
    expect(await codeOf(test.database.asOwner(insert))).toBe('23514')
  })

  it.each([
    ['a user', actor('ada')],
    ['the service role', service],
  ])('%s reads and calls nothing of it directly', async (_who, caller) => {
    for (const statement of [
      sql`select * from plinth.ledger_accounts`,
      sql`select plinth.post_ledger('x', '{}')`,
      sql`insert into plinth.ledger_transactions (key, posted_at, occurred_at) values ('x', now(), now())`,
    ])
      expect(await codeOf(test.database.asCaller(caller, statement))).toBe('42501')
  })
})

describe('the check', () => {
  const sale = (tenant: string, n: number) =>
    post(tenant, `${tenant}:${n}`, [
      { account: 'cash', amount: 10 + n },
      { account: 'sales', amount: -10 - n },
    ])
  const withoutTriggers = (text: string) =>
    asSuperuser(test.addresses, `set session_replication_role = replica; ${text}`)
  const cash = `(select id from plinth.ledger_accounts where tenant = 'TENANT' and name = 'cash')`

  it.each([
    [
      'altered',
      `update plinth.ledger_postings set amount = amount + 1 where account = ${cash} and sequence = 2`,
    ],
    ['missing', `delete from plinth.ledger_postings where account = ${cash} and sequence = 2`],
    ['last', `delete from plinth.ledger_postings where account = ${cash} and sequence = 3`],
    ['balance', `update plinth.ledger_accounts set balance = balance + 1 where id = ${cash}`],
    [
      'unordered',
      `update plinth.ledger_postings set posted_at = posted_at - interval '1 hour' where account = ${cash} and sequence = 3`,
    ],
  ])(
    'finds what was changed past the triggers (%s), freezes that account, and no other',
    async (kind, text) => {
      const tenant = `check ${kind}`
      await open(tenant, 'EUR', ['cash', 'sales', 'tax'])
      for (const n of [1, 2, 3]) await sale(tenant, n)
      await withoutTriggers(text.replaceAll('TENANT', tenant))
      const found = (await problems(true)).filter((problem) => problem.tenant === tenant)
      expect(found.map(({ name }) => name)).toContain('cash')
      expect(await codeOf(sale(tenant, 4))).toBe('ledger_account_frozen PT423')
      await open(tenant, 'USD', ['cash', 'sales'])
      await post(tenant, `${tenant} USD`, [
        { account: 'cash', amount: 1, currency: 'USD' },
        { account: 'sales', amount: -1, currency: 'USD' },
      ])
      await test.database.asOwner(sql`
      select plinth.thaw_ledger_account(id) from plinth.ledger_accounts where tenant = ${tenant}`)
      await sale(tenant, 4)
    },
  )

  it('goes on where the last one ended', async () => {
    await open('inc', 'EUR', ['cash', 'sales'])
    await sale('inc', 1)
    await problems()
    await sale('inc', 2)
    expect((await problems()).filter(({ tenant }) => tenant === 'inc')).toEqual([])
    const { rows } = await test.database.asOwner<{ checked: string }>(
      sql`select checked from plinth.ledger_accounts where tenant = 'inc' order by id`,
    )
    expect(rows.map(({ checked }) => checked)).toEqual(['2', '2'])
  })
})
