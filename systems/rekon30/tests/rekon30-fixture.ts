import { type Caller, type ProjectDatabase, type Statement, sql } from '@plinth/platform/database'
import { actor } from '@plinth/testing'
import type { TestSystem } from '@plinth/testing/system'

type Person = Caller & { readonly userId: string }

export const admin = actor('admin')

/**
 * The only column of the only row, asked by a person. At another instant than now the owner of the database asks in the
 * person's name, because nobody else may set the clock: policies do not apply then.
 */
export async function ask<T>(
  database: ProjectDatabase,
  person: Person,
  statement: Statement,
  instant?: string,
): Promise<T> {
  if (instant !== undefined) return askAt(database, instant, statement, person)
  const { rows } = await database.asCaller<Record<string, T>>(person, statement)
  return Object.values(rows[0] ?? {})[0] as T
}

/** As the owner of the database at an instant. */
export async function askAt<T>(
  database: ProjectDatabase,
  instant: string,
  statement: Statement,
  person?: Person,
): Promise<T> {
  return database.transactionAsOwner(async ({ query }) => {
    await query(sql`select set_config('plinth.clock', ${instant}, true),
      set_config('request.jwt.claims', ${JSON.stringify(person?.claims ?? {})}, true)`)
    const { rows } = await query<Record<string, T>>(statement)
    return Object.values(rows[0] ?? {})[0] as T
  })
}

/** A super admin with an account. Gives the id of its row. */
export async function appointAdmin(system: TestSystem, person: Person = admin): Promise<string> {
  await system.signUp(person)
  const { rows } = await system.database.asOwner<{ id: string }>(
    sql`insert into public.super_admins (user_id, email) values (${person.userId}, 'admin@example.com')
        on conflict (user_id) do update set is_active = true returning id`,
  )
  return rows[0]!.id
}

/** A business that its owner registers; it waits for its first payment. */
export async function register(system: TestSystem, owner: Person, plan = 'basic'): Promise<string> {
  await system.signUp(owner)
  return ask(
    system.database,
    owner,
    sql`insert into public.businesses (business_name, owner_id, plan)
        values (${`Shop of ${String(owner.claims['email'])}`}, ${owner.userId}, ${plan}) returning id`,
  )
}

/** A business that may trade. */
export async function openBusiness(system: TestSystem, owner: Person, reference: string): Promise<string> {
  const id = await register(system, owner)
  await ask(
    system.database,
    admin,
    sql`select public.verify_payment(${id}, 1500, 'bank_transfer', ${reference}, ${admin.userId})`,
  )
  return id
}

/** The code that SQL gave a refusal: `insufficient_stock PT409`; of any other error its SQLSTATE. */
export async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work
  } catch (error) {
    const { code, detail } = error as { code?: string; detail?: string }
    return detail?.startsWith('{') ? `${(JSON.parse(detail) as { code: string }).code} ${code}` : `${code}`
  }
  return 'nothing was refused'
}
