import { sql } from '@plinth/platform/database'
import { expect, it } from 'vitest'
import { shopErrors } from '../errors.ts'
import { useShopDatabase } from './shop-fixture.ts'

const test = useShopDatabase()

it('whatever SQL raises is in the catalogue, with the same status', async () => {
  const { rows } = await test.database.asOwner<{ code: string; status: number }>(sql`
    select distinct found[1] as code, found[2]::integer as status
    from pg_proc p
    cross join regexp_matches(p.prosrc, 'plinth\\.refuse\\(\\s*''(\\w+)'',\\s*(\\d+)', 'g') found
    where p.pronamespace in ('public'::regnamespace, 'private'::regnamespace)
    order by 1`)
  expect(rows.length).toBeGreaterThan(10)
  const catalogue: Readonly<Record<string, { readonly definition: { readonly status: number } }>> = shopErrors
  expect(rows.map(({ code }) => ({ code, status: catalogue[code]?.definition.status }))).toEqual(rows)
})
