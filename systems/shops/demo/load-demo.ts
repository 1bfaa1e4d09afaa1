import { fileURLToPath } from 'node:url'
import type { Demo, DemoRun } from '@plinth/platform/system'
import { importOrders, toProgress } from '../import/index.ts'

/** The demonstration's data: December 2010 of UCI "Online Retail"; ATTRIBUTION.md says whose it is. */
export const demoFile = fileURLToPath(new URL('online-retail-2010-12.csv.gz', import.meta.url))

/** For trying things out on one's own machine; nobody should serve the demonstration to others. */
export const demoOwner = { email: 'owner@demo.example', password: 'demo-owner-2010' }

export const demoShopId = 'de300000-0000-4000-8000-000000002010'

/** What no file knows, and a shelf needs to be worth looking at: a tenth of what the month sells is left. */
const reserve = 0.1

/** Makes a shop of a real December, through the same import as everybody's file. Running it again changes nothing. */
export const loadDemo: Demo = async (run) => {
  const ownerId = await run.createUser(demoOwner.email, demoOwner.password)
  await openShop(run, ownerId)
  await importOrders({
    openSession: run.openSession,
    shopId: demoShopId,
    zone: 'Europe/London',
    source: demoFile,
    reserve,
    onProgress: (progress) => run.onProgress(toProgress(progress)),
  })
  return { tryNext: tryNext(run) }
}

async function openShop({ openSession }: DemoRun, ownerId: string): Promise<void> {
  const session = await openSession()
  try {
    await session.transaction({ reason: 'the demonstration’s shop' }, () =>
      session.query(
        `insert into public.shops (id, owner_id, name, description, currency, timezone)
         values ($1, $2, 'Demo: gifts from London', 'A real December, from UCI Online Retail (Chen 2015, CC BY 4.0).',
           'GBP', 'Europe/London')
         on conflict (id) do update set owner_id = excluded.owner_id where shops.owner_id is distinct from excluded.owner_id`,
        [demoShopId, ownerId],
      ),
    )
  } finally {
    await session.close()
  }
}

/** What sold last and is nearly gone: short enough to read, and no account is needed to ask. */
function tryNext({ url, serviceRoleKey }: DemoRun): readonly string[] {
  const question = [
    `p_shop_id=${demoShopId}&p_threshold=5`,
    'select=name,stock,last_sale_date&last_sale_date=not.is.null&order=last_sale_date.desc,name&limit=5',
  ].join('&')
  return [
    `# the demo shop ${demoShopId}: five things that sold last and are nearly gone`,
    `curl '${url}/rest/v1/rpc/get_low_stock_items?${question}' -H 'apikey: ${serviceRoleKey}'`,
    `# its owner signs in as ${demoOwner.email} with the password ${demoOwner.password}: see README.md`,
  ]
}
