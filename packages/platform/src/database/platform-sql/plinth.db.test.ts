import { readFile } from 'node:fs/promises'
import { actor, clusterAddress, service, stranger, useTestDatabase } from '@plinth/testing'
import fc from 'fast-check'
import pg from 'pg'
import { describe, expect, it } from 'vitest'
import { addressAs } from '../index.ts'
import { sql } from '../sql.ts'

const test = useTestDatabase({
  seed: `
    create table public.notes (id integer primary key, updated_at timestamptz not null default '2020-01-01');
    create trigger touch_row before update on public.notes for each row execute function plinth.touch_row();
    create function public.trusted_by_definer() returns boolean language sql security definer set search_path = '' as
      'select plinth.is_trusted()';
    grant execute on function public.trusted_by_definer() to anon, authenticated, service_role;`,
})
const ada = actor('ada')

const failureOf = async (work: Promise<unknown>) => {
  const error = await work.then(
    () => undefined,
    (caught: unknown) => caught as pg.DatabaseError,
  )
  return error && { ...error, message: error.message }
}

describe('plinth.refuse()', () => {
  it('raises PTnnn with the code and the facts as JSON', async () => {
    const raised = sql`select plinth.refuse('too_late', 409, 'Too late.', '{"by": "2 days"}', 'Come earlier.')`
    expect(await failureOf(test.database.asCaller(ada, raised))).toMatchObject({
      code: 'PT409',
      message: 'Too late.',
      detail: '{"by": "2 days", "code": "too_late"}',
      hint: 'Come earlier.',
    })
  })

  it('needs no facts and no hint, and a fact cannot take the place of the code', async () => {
    const bare = await failureOf(test.database.asOwner(sql`select plinth.refuse('gone', 404, 'Gone.', null)`))
    expect(bare).toMatchObject({ code: 'PT404', detail: '{"code": "gone"}' })
    const named = sql`select plinth.refuse('gone', 404, 'Gone.', '{"code": "other"}')`
    expect(await failureOf(test.database.asOwner(named))).toMatchObject({ detail: '{"code": "gone"}' })
  })

  it.each([null, 200, 399, 600])('takes %s for no error status', async (status) => {
    const raised = sql`select plinth.refuse('odd', ${status}, 'Odd.')`
    expect(await failureOf(test.database.asOwner(raised))).toMatchObject({ code: '22023' })
  })
})

it('plinth.is_trusted() is true for the service role and the owner only, also behind security definer', async () => {
  const ask = sql`select plinth.is_trusted() as direct, public.trusted_by_definer() as definer`
  const asked = async (work: ReturnType<typeof test.database.asOwner>) => (await work).rows[0]
  expect(await asked(test.database.asOwner(ask))).toEqual({ direct: true, definer: true })
  expect(await asked(test.database.asCaller(service, ask))).toEqual({ direct: true, definer: true })
  expect(await asked(test.database.asCaller(ada, ask))).toEqual({ direct: false, definer: false })
  expect(await asked(test.database.asCaller(stranger, ask))).toEqual({ direct: false, definer: false })
})

it('plinth.touch_row() sets updated_at', async () => {
  await test.database.asOwner(sql`insert into public.notes (id) values (1)`)
  const { rows } = await test.database.asOwner(
    sql`update public.notes set updated_at = '2021-01-01' returning updated_at = now() as touched`,
  )
  expect(rows).toEqual([{ touched: true }])
})

describe('plinth.now()', () => {
  const noon = '2026-01-15T12:00:00Z'
  const moved = sql`select plinth.now() = ${noon}::timestamptz as moved`
  const move = sql`select set_config('plinth.clock', ${noon}, true)`

  it('is moved by the owner’s own session', async () => {
    const answer = await test.database.transactionAsOwner(async ({ query }) => {
      await query(move)
      return (await query(moved)).rows
    })
    expect(answer).toEqual([{ moved: true }])
    expect((await test.database.asOwner(moved)).rows).toEqual([{ moved: false }])
  })

  it.each([
    ['service role', service],
    ['user', ada],
    ['stranger', stranger],
  ])('stays the time of the transaction for a %s, who may set the setting', async (_name, caller) => {
    const answer = await test.database.transactionAs(caller, async ({ query }) => {
      await query(move)
      return (await query(moved)).rows
    })
    expect(answer).toEqual([{ moved: false }])
  })
})

describe('minor units', () => {
  const toMinor = async (amount: string, currency: string) =>
    (
      await test.database.asOwner<{ minor: string }>(
        sql`select plinth.to_minor(${amount}, ${currency}) as minor`,
      )
    ).rows[0]!.minor

  it.each([
    ['1.005', 'USD', '101'],
    ['-1.005', 'USD', '-101'],
    ['1.0049999', 'EUR', '100'],
    ['0.5', 'JPY', '1'],
    ['-0.5', 'KRW', '-1'],
    ['1.0005', 'KWD', '1001'],
    ['1.00005', 'CLF', '10001'],
    ['12', 'XYZ', '1200'],
  ])('%s %s is %s, rounded half away from zero', async (amount, currency, minor) => {
    expect(await toMinor(amount, currency)).toBe(minor)
  })

  it('come back exact', async () => {
    const currencies = fc.constantFrom('USD', 'JPY', 'KWD', 'CLF', 'THB')
    await fc.assert(
      fc.asyncProperty(
        fc.bigInt({ min: -(10n ** 15n), max: 10n ** 15n }),
        currencies,
        async (minor, currency) => {
          const { rows } = await test.database.asOwner<{ again: string }>(
            sql`select plinth.to_minor(plinth.to_major(${String(minor)}, ${currency}), ${currency}) as again`,
          )
          expect(rows[0]!.again).toBe(String(minor))
        },
      ),
      { numRuns: 50, seed: 9 },
    )
  })

  it('of a sum that exceeds a bigint still become major units', async () => {
    const { rows } = await test.database.asOwner(
      sql`select plinth.to_major(92233720368547758080, 'USD')::text as major`,
    )
    expect(rows).toEqual([{ major: '922337203685477580.80' }])
  })
})

it('requests may execute these functions of the schema and no others', async () => {
  const { rows } = await test.database.asOwner<{ role: string; functions: string[] }>(sql`
    select r.role, array_agg(p.proname::text order by p.proname) as functions
    from unnest(array['anon', 'authenticated']) r (role)
    join pg_proc p on p.pronamespace = 'plinth'::regnamespace and has_function_privilege(r.role, p.oid, 'execute')
    group by r.role order by r.role`)
  const open = ['is_trusted', 'minor_digits', 'now', 'refuse', 'to_major', 'to_minor']
  expect(rows).toEqual([
    { role: 'anon', functions: open },
    { role: 'authenticated', functions: open },
  ])
})

it('is documented', async () => {
  const { rows } = await test.database.asOwner(
    sql`select proname from pg_proc where pronamespace = 'plinth'::regnamespace and obj_description(oid) is null`,
  )
  expect(rows).toEqual([])
})

it('applies to a database that has nothing but PostgreSQL and the roles of requests', async () => {
  const name = `plain_${process.pid}`
  const admin = new pg.Client({ connectionString: clusterAddress() })
  await admin.connect()
  await admin.query(`create database ${name}`)
  const plain = new pg.Client({ connectionString: addressAs(clusterAddress(), { database: name }) })
  await plain.connect()
  try {
    await plain.query(await readFile(new URL('000_plinth.sql', import.meta.url), 'utf8'))
    const { rows } = await plain.query(
      'select plinth.is_trusted() as trusted, plinth.now() = now() as present',
    )
    expect(rows).toEqual([{ trusted: true, present: true }])
  } finally {
    await plain.end()
    await admin.query(`drop database ${name}`)
    await admin.end()
  }
})
