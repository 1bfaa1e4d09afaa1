import { type ProjectDatabase, type Statement, sql } from '@plinth/platform/database'
import type { FigureSource } from '@plinth/platform/system'

type Check = { readonly name: string; check(): Promise<{ readonly status: 'ok' }> }

/** Parts that answer or fail; how long they take is judged by the thresholds in `uses.ts` (E-H1). */
export const eyemotionHealth = (database: ProjectDatabase): readonly Check[] => {
  const asks = (name: string, statement: Statement): Check => ({
    name,
    check: async () => {
      await database.asOwner(statement)
      return { status: 'ok' }
    },
  })
  return [
    asks('auth', sql`select id from auth.users limit 1`),
    asks('kv', sql`select plinth.kv_get('system:initialized')`),
  ]
}

/** Numbers that alert rules may name. */
export function eyemotionFigures(database: ProjectDatabase): readonly FigureSource[] {
  const counts = (name: string, unit: string, statement: Statement): FigureSource => ({
    name,
    unit,
    read: async () => Number((await database.asOwner<{ n: string }>(statement)).rows[0]!.n),
  })
  return [
    counts(
      'withheld-purchases',
      'purchases',
      sql`select count(*) as n from private.withheld_orders where released_at is null`,
    ),
    counts(
      'uploads-under-way',
      'files',
      sql`select count(*) as n from public.project_files where expires_at is not null`,
    ),
  ]
}
