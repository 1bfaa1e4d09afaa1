import { existsSync } from 'node:fs'
import { sql } from '@plinth/platform/database'
import { waitFor } from '@plinth/testing'
import { type Browser, chromium } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { useBoxOffice } from './open-box-office.ts'

/** Debian's, or another one that the environment names. */
const executablePath = process.env.PLINTH_CHROMIUM ?? '/usr/bin/chromium'
const isThere = existsSync(executablePath)
if (!isThere)
  process.stderr.write(`No browser at ${executablePath}: apt-get install chromium, or set PLINTH_CHROMIUM.\n`)

describe.skipIf(!isThere)('in a browser', () => {
  const office = useBoxOffice()
  let browser: Browser

  beforeAll(async () => {
    browser = await chromium.launch({ executablePath, args: ['--no-sandbox'] })
  })
  afterAll(() => browser?.close())

  const rowsOf = async (text: ReturnType<typeof sql>) => (await office.system.database.asOwner(text)).rows

  it('a ticket is bought at the shop’s page, paid at Stripe’s, and stands in the ledger', async () => {
    await rowsOf(
      sql`insert into public.shows (title, price, tax, currency) values ('Hamlet', 2500, 200, 'EUR')`,
    )
    const page = await browser.newPage()
    page.setDefaultTimeout(8_000)
    await page.goto(`${office.url}/ticket-shop`)
    await page.getByRole('button', { name: 'Hamlet: 25.00 EUR' }).click()
    await page.waitForURL(/\/c\/pay\//)
    await page.getByRole('button', { name: 'Pay with a card that is refused' }).click()
    await page.getByRole('alert').waitFor()
    await page.getByLabel('Card number').fill('4242 4242 4242 4242')
    await page.getByRole('button', { name: 'Pay', exact: true }).click()
    await page.waitForURL(/show-ticket/)
    await waitFor(
      async () => {
        await office.stripe.webhooks.settled()
        await office.system.jobs.runDue()
        await page.reload()
        return (await page.locator('#status').textContent()) === 'paid'
      },
      { what: 'the ticket to be paid' },
    )
    expect(await page.locator('#receipt').textContent()).toBe('RECEIPT-2026-000001')
    const books = await rowsOf(sql`
      select name, balance::int as balance from plinth.ledger_accounts
      where balance <> 0 and name in ('tickets', 'tax', 'received') order by name`)
    expect(books).toEqual([
      { name: 'tax', balance: -200 },
      { name: 'tickets', balance: -2_300 },
    ])
    expect(await rowsOf(sql`select name, problem from plinth.check_ledger(true)`)).toEqual([])
  })
})
