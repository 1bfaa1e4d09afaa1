import { randomUUID } from 'node:crypto'
import { courses } from '@plinth/courses'
import { type Caller, type ProjectDatabase, type Statement, sql, userCaller } from '@plinth/platform/database'
import { readProjectMigrations } from '@plinth/platform/project'
import { createRandom } from '@plinth/testing/random'
import { alone, type Figure, median } from '../figure.ts'
import { openBenchDatabase } from '../open-bench-database.ts'

const connections = 20
const [events, seats, people] = [50, 100, 10_000]
const registrations = 1_000_000
const reports = 7

/** The rush for the seats of a term beside a bare counter, and the reports over a million registrations. */
export async function* benchCourses(): AsyncIterable<Figure> {
  const sets = (await readProjectMigrations(courses)).slice(1)
  const { database, close } = await openBenchDatabase(
    'courses',
    sets.map(async (set) => set),
    { connections: { requests: connections, owner: 4 } },
  )
  try {
    yield* rush(database)
    yield* report(database)
  } finally {
    await close()
  }
}

/** 10,000 people want one of 5,000 seats of fifty free courses, all at once; afterwards the same of a bare counter. */
async function* rush(database: ProjectDatabase): AsyncIterable<Figure> {
  const callers = await signUp(database, people)
  const ids = await makeEvents(database, events, seats)
  await database.asOwner(sql`
    create table public.bare_seats (event uuid primary key, free int not null check (free >= 0)) with (fillfactor = 50)`)
  await database.asOwner(sql`insert into public.bare_seats select e, ${seats} from unnest(${ids}::uuid[]) e`)
  await database.asOwner(sql`grant select, update on public.bare_seats to authenticated`)
  const random = createRandom(5)
  const wishes = callers.map((caller) => ({ caller, event: ids[random(events)]! }))
  const ours = await race(database, wishes, registerFor)
  const bare = await race(database, wishes, takeBare)
  const { rows } = await database.asOwner<{ seated: string; over: string }>(sql`
    select sum(n) as seated, coalesce(sum(greatest(n - ${seats}, 0)), 0) as over from (
      select count(*) as n from public.registrations where seated_at is not null and cancelled_at is null group by event_id) e`)
  const shown = `${people.toLocaleString('en')} people for ${(events * seats).toLocaleString('en')} seats of ${events} courses`
  yield {
    name: `courses: ${shown}`,
    value: people / ours.seconds,
    unit: 'people/s',
    ratio: bare.seconds / ours.seconds,
    against: 'bare conditional UPDATE of the course’s row',
    goal: 'ratio ≥ 0.3',
  }
  yield alone('courses: seated in the rush', Number(rows[0]!.seated), 'people', '5,000')
  yield alone('courses: seated beyond the seats', Number(rows[0]!.over), 'people', '0')
  yield alone('courses: deadlocks and other errors in the rush', ours.failures, 'errors', '0')
}

interface Wish {
  readonly caller: Caller
  readonly event: string
}

/** Each connection takes the next of the line; gives the seconds, and what failed for another reason than a full course. */
async function race(
  database: ProjectDatabase,
  wishes: readonly Wish[],
  statementOf: (event: string) => Statement,
) {
  const line = [...wishes]
  let failures = 0
  const began = performance.now()
  await Promise.all(
    Array.from({ length: connections }, async () => {
      for (let wish = line.pop(); wish; wish = line.pop())
        await database.asCaller(wish.caller, statementOf(wish.event)).catch((error: { code?: string }) => {
          if (error.code !== 'PT409') failures += 1
        })
    }),
  )
  return { seconds: (performance.now() - began) / 1000, failures }
}

const registerFor = (event: string): Statement => ({
  name: 'bench_register',
  text: 'select public.register_for_event($1)',
  values: [event],
})

const takeBare = (event: string): Statement => ({
  name: 'bench_bare_seat',
  text: 'update public.bare_seats set free = free - 1 where event = $1 and free > 0',
  values: [event],
})

/** A million registrations of a thousand courses, half of them paid. */
async function* report(database: ProjectDatabase): AsyncIterable<Figure> {
  const [owner] = await signUp(database, 1)
  await makeEvents(database, 1_000, 100)
  await withoutChecks(database, ['registrations', 'payment_transactions'])
  await database.asOwner(sql`
    insert into public.registrations (event_id, user_id, payment_status, amount, seat_key, seated_at, paid_at, cancelled_at)
    select e.id, ${owner!.claims['sub']}, 'completed', 999, 'bench', now(), now() - n * interval '1 minute', now()
    from (select id, row_number() over () as k from public.events) e, generate_series(1, ${registrations}) n
    where e.k = 1 + n % 1000`)
  await database.asOwner(sql`
    insert into public.payment_transactions (registration_id, event_id, user_id, status, amount)
    select id, event_id, user_id, 'success', 999 from public.registrations where amount > 0 and id < '80000000-0000-0000-0000-000000000000'`)
  await database.asOwner(sql`analyze`)
  for (const [name, statement] of [
    ['overview', sql`select private.report_overview()`],
    ['revenue of a month', sql`select private.report_revenue(current_date - 31, current_date)`],
    ['events', sql`select private.report_events(null, null)`],
  ] as const) {
    const times: number[] = []
    for (let round = 0; round < reports; round += 1) {
      const began = performance.now()
      await database.asOwner(statement)
      times.push(performance.now() - began)
    }
    yield alone(`courses: ${name} over 1,000,000 registrations`, median(times), 'ms', '< 50 ms')
  }
}

/** Rows that are right by how they are made need no checks of their own: a million take seconds instead of minutes. */
async function withoutChecks(database: ProjectDatabase, tables: readonly string[]): Promise<void> {
  await database.asOwner(sql`
    do $$ declare k record; begin
      for k in select conrelid::regclass as t, conname from pg_constraint where contype = 'f' and conrelid in
        ('public.registrations'::regclass, 'public.payment_transactions'::regclass) loop
        execute format('alter table %s drop constraint %I', k.t, k.conname);
      end loop; end $$`)
  for (const table of tables)
    await database.asOwner({ text: `alter table public.${table} disable trigger user` })
}

async function signUp(database: ProjectDatabase, count: number): Promise<readonly Caller[]> {
  const ids = Array.from({ length: count }, () => randomUUID())
  await database.asOwner(sql`
    insert into auth.users (id, email) select id, id || '@example.test' from unnest(${ids}::uuid[]) id`)
  return ids.map((id) => userCaller(id))
}

async function makeEvents(
  database: ProjectDatabase,
  count: number,
  places: number,
): Promise<readonly string[]> {
  const { rows } = await database.asOwner<{ id: string }>(sql`
    insert into public.events (title, starts_at, max_participants) select 'Course ' || n, now() + interval '3 days', ${places}
    from generate_series(1, ${count}) n returning id`)
  return rows.map(({ id }) => id)
}
