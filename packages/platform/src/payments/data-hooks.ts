import { type ProjectDatabase, sql } from '../database/index.ts'
import type { PersonHooks, TenantHooks } from '../system/index.ts'

/**
 * What happens to payments when a tenant is rewound, or somebody's data is given out or erased. Facts, ledger and documents
 * stay, since books are kept by law; what says who paid goes: the bytes of facts, the person, the system's details.
 */
export const tenantHooks = (database: ProjectDatabase): TenantHooks => ({
  // Rows that follow orders were taken back; what was paid was not.
  rewound: async (tenant) => {
    await database.asOwner(
      sql`select plinth.add_job('restate-payments', jsonb_build_object('tenant', ${tenant}::text))`,
    )
  },
  export: async function* (tenant) {
    yield* exportOrders(database, 'tenant', tenant)
    const { rows } = await database.asOwner(sql`
      select a.name as account, a.currency, s.* from plinth.ledger_accounts a,
        lateral plinth.ledger_statement(a.tenant, a.name, a.currency, p_limit => 1000000) s
      where a.tenant = ${tenant} order by a.id, s.sequence`)
    if (rows.length > 0) yield { path: 'ledger.json', content: JSON.stringify(rows) }
  },
  erase: async (tenant, { query }) => {
    await query(sql`
      delete from plinth.payment_bodies b using plinth.payment_inbox i, plinth.payment_orders o
      where i.fact = b.fact and o.id = i.target and o.tenant = ${tenant}`)
    await query(sql`
      update plinth.payment_orders set person = null, details = '{}' where tenant = ${tenant} and purpose <> 'subscription'`)
    await query(sql`update plinth.payment_orders set person = null where tenant = ${tenant}`)
    await query(sql`update plinth.subscriptions set person = null where tenant = ${tenant}`)
  },
})

export const personHooks = (database: ProjectDatabase): PersonHooks => ({
  export: async function* (person) {
    yield* exportOrders(database, 'person', person)
  },
  erase: async (person, { query }) => {
    await query(sql`
      delete from plinth.payment_bodies b using plinth.payment_inbox i
      left join plinth.payment_orders o on o.id = i.target left join plinth.subscriptions s on s.id = i.target
      where i.fact = b.fact and coalesce(o.person, s.person)::text = ${person}`)
    await query(sql`
      update plinth.payment_orders
      set person = null, details = case purpose when 'subscription' then details else '{}' end where person::text = ${person}`)
    await query(sql`update plinth.subscriptions set person = null where person::text = ${person}`)
  },
})

async function* exportOrders(database: ProjectDatabase, by: 'tenant' | 'person', value: string) {
  const { rows } = await database.asOwner(sql`
    select id, purpose, reference, amount, currency, status, captured, refunded, details, created_at::text
    from plinth.payment_orders
    where case ${by}::text when 'tenant' then tenant else person::text end = ${value} order by created_at, id`)
  if (rows.length > 0) yield { path: 'payments.json', content: JSON.stringify(rows) }
}
