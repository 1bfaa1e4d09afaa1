import { randomUUID } from 'node:crypto'
import { type ProjectDatabase, type Statement, sql } from '../../database/index.ts'

/** The instant at which tests begin. */
export const noon = '2026-01-15T12:00:00Z'

/** Minutes after noon, as a timestamp. */
export const at = (minutes: number): string => new Date(Date.parse(noon) + minutes * 60_000).toISOString()

export interface Claim {
  readonly thing: string
  readonly key: string
  readonly quantity?: number | null
  readonly expires?: string
  readonly owner?: string
  /** Minutes after noon: from, until. */
  readonly during?: readonly [number, number]
}

const rangeOf = (during: Claim['during']) => (during ? `[${at(during[0])},${at(during[1])})` : null)

/** Places claims of one kind, by the function that raises what is short. */
export const placing = (kind: string, claims: readonly Claim[], now = noon): Statement =>
  sql`select plinth.place_holds(${kind}, array(
    select row(c.thing, c.key, case when c.during is null then c.quantity else 1 end, c.expires, c.owner, c.during)::plinth.claim
    from jsonb_to_recordset(${JSON.stringify(
      claims.map(({ during, ...claim }) => ({ expires: at(10), ...claim, during: rangeOf(during) })),
    )}::jsonb) c (thing uuid, key text, quantity bigint, expires timestamptz, owner uuid, during tstzrange)), ${now})`

/** The code that SQL gave a refusal, with its SQLSTATE; `ok` when there was none. */
export async function codeOf(work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    const { code, detail } = error as { code: string; detail?: string }
    return `${detail?.startsWith('{') ? (JSON.parse(detail) as { code: string }).code : ''} ${code}`.trim()
  }
}

/** What the interface of holds answers on one kind, in test's words. */
export function useKind(database: () => ProjectDatabase, kind: string) {
  const run = <Row extends object>(statement: Statement) =>
    database()
      .asOwner<Row & Record<string, unknown>>(statement)
      .then(({ rows }) => rows)
  return {
    place: (claims: readonly Claim[], now = noon) => codeOf(run(placing(kind, claims, now))),
    commit: async (keys: readonly string[], now = noon) =>
      (
        await run<{ key: string; quantity: string }>(
          sql`select key, quantity from plinth.commit_holds(${kind}, ${keys}, ${now}) order by key`,
        )
      ).map(({ key, quantity }) => [key, Number(quantity)] as const),
    release: async (keys: readonly string[], now = noon) =>
      Number(
        (
          await run<{ count: string }>(sql`select plinth.release_holds(${kind}, ${keys}, ${now}) as count`)
        )[0]!.count,
      ),
    returned: async (keys: readonly string[], now = noon) =>
      (
        await run<{ key: string; quantity: string }>(
          sql`select key, quantity from plinth.return_holds(${kind}, ${keys}, ${now}) order by key`,
        )
      ).map(({ key, quantity }) => [key, Number(quantity)] as const),
    settle: (key: string, quantity: number, now = noon) =>
      codeOf(run(sql`select plinth.settle_hold(${kind}, ${key}, ${quantity}, ${now})`)),
    /** On hand, held, available. */
    levels: async (thing: string, now = noon) =>
      (
        await run<{ on_hand: string; held: string; available: string }>(
          sql`select on_hand, held, available from plinth.availability(${kind}, array[${thing}]::uuid[], ${now})`,
        )
      ).flatMap(({ on_hand, held, available }) => [Number(on_hand), Number(held), Number(available)]),
    quota: async (limit: number, thing: string = randomUUID()) => {
      await run(sql`select plinth.set_limit(${kind}, ${thing}, ${limit}, ${noon})`)
      return thing
    },
    giveBack: (thing: string, quantity: number, now = noon) =>
      codeOf(
        run(
          sql`select plinth.return_units(${kind}, array[${thing}]::uuid[], array[${quantity}]::bigint[], ${now})`,
        ),
      ),
    run,
  }
}
