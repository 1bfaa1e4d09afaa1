/** Imports a file in a process of its own, which a test may kill: `node import-in-child.ts <url> <shop> <file>`. */
import { openOwnerSession } from '@plinth/platform/database'
import { newSecret } from '@plinth/platform/kernel'
import { importOrders } from '../import-orders.ts'

const [url, shopId, source] = process.argv.slice(2)
if (!url || !shopId || !source) throw new Error('The arguments are the database, the shop and the file.')
const addresses = { ownerDirect: url, actorSecret: newSecret() }
const peak = () => process.resourceUsage().maxRSS / 1024
const idle = peak()
const { orders } = await importOrders({
  openSession: () => openOwnerSession({ addresses, via: 'import' }),
  shopId,
  source,
  zone: 'Europe/London',
  onProgress: ({ phase, lines }) => process.stdout.write(`${phase} ${lines}\n`),
})
process.stdout.write(`${JSON.stringify({ orders, grownMegabytes: Math.round(peak() - idle) })}\n`)
