import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openOwnerSession, sql } from '@plinth/platform/database'
import { journalOffer } from '@plinth/platform/journal'
import { privacyOffer } from '@plinth/platform/privacy'
import { rewindOffer } from '@plinth/platform/rewind'
import { actor, waitFor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { cardsOffer } from '../capabilities/reading-cards.ts'
import { importBooks } from '../imports/import-books.ts'
import { library } from '../system.ts'

const scannerKey = 'the scanner at the front door'
const system = useSystem(library, {
  stream: true,
  environment: { PLINTH_LIBRARY_CARDS_SCANNER_KEY: scannerKey },
})
const [ada, ben, eve] = [actor('ada'), actor('ben'), actor('eve')]
const libraryId = '11111111-1111-4111-8111-111111111111'
let bookId: string

/** The database has its own clock. */
const daysFromNow = (days: number) => new Date(Date.now() + days * 86_400_000).toISOString()
const run = async (text: string, values: unknown[] = []) =>
  (await system.database.asOwner<Record<string, unknown>>({ text, values })).rows
const borrow = (as: typeof ada, book = bookId) =>
  system.request(`/books/${book}/loans`, { method: 'POST', as, body: {} })

beforeAll(async () => {
  await system.signUp(ada, ben, eve)
  await run(`insert into public.libraries (id, name) values ($1, 'Corner library')`, [libraryId])
  await run(
    `insert into public.members (library_id, user_id, role) values ($1, $2, 'reader'), ($1, $3, 'librarian')`,
    [libraryId, ada.userId, ben.userId],
  )
})
beforeEach(async () => {
  await run('delete from public.loans')
  await run('delete from public.books')
  const [book] = await run(
    `insert into public.books (library_id, title, author, copies) values ($1, 'Emma; or, a match', 'Jane Austen', 1) returning id`,
    [libraryId],
  )
  bookId = book!['id'] as string
})

describe('lending', () => {
  it('gives out a copy, and the last one once, however many ask at the same time', async () => {
    const answers = await Promise.all([borrow(ada), borrow(ben), borrow(ada)])
    expect(answers.map(({ status }) => status).sort()).toEqual([201, 409, 409])
    expect(answers.find(({ status }) => status === 201)!.body).toMatchObject({
      data: { book_id: bookId, due_on: daysFromNow(21).slice(0, 10) },
    })
    expect(answers.find(({ status }) => status === 409)!.body.code).toBe('no_copy_left')
  })

  it('refuses strangers by permission, and the same over rest and by route with one code', async () => {
    expect((await borrow(eve)).status).toBe(403)
    const missing = '22222222-2222-4222-8222-222222222222'
    const byRoute = await borrow(ada, missing)
    const byRest = await system.request('/rest/v1/rpc/borrow_book', {
      method: 'POST',
      as: ada,
      body: { p_book: missing },
    })
    expect([byRoute.status, byRoute.body.code]).toEqual([404, 'unknown_book'])
    expect([byRest.status, byRest.body.code]).toEqual([404, 'unknown_book'])
  })

  it('puts the due day into a calendar, for whom row security shows the loan', async () => {
    const { id } = (await borrow(ada)).body.data
    const calendar = await system.request(`/loans/${id}/due.ics`, { as: ada })
    expect(calendar.headers.get('content-type')).toContain('text/calendar')
    expect(calendar.body).toContain('SUMMARY:Bring back Emma\\; or\\, a match\r\n')
    expect((await system.request(`/loans/${id}/due.ics`, { as: eve })).body.code).toBe('unknown_loan')
  })

  it('is done with a card at the door, which opens nothing else', async () => {
    const { number } = (await system.call('new-card', {}, { as: ada })).body.data
    expect(number).toMatch(/^LIB-\d{10}$/)
    const headers = { 'x-reading-card': number, 'x-scanner-key': scannerKey }
    const borrowed = await system.request(`/books/${bookId}/loans`, { method: 'POST', headers, body: {} })
    expect(borrowed.status).toBe(201)
    expect((await system.request('/rest/v1/loans', { headers })).status).toBe(403)
    const forged = { ...headers, 'x-scanner-key': 'guessed' }
    expect(
      (await system.request(`/books/${bookId}/loans`, { method: 'POST', headers: forged, body: {} })).status,
    ).toBe(401)
  })
})

describe('what follows the stream', () => {
  const popular = async () =>
    (await system.request(`/functions/v1/popular-books?libraryId=${libraryId}`)).body.data
  const emma = (loans: number) => [{ title: 'Emma; or, a match', author: 'Jane Austen', loans }]

  it('counts loans once, and a rewind derives the counts anew', async () => {
    await borrow(ada)
    await system.project.tail.settle()
    expect(await popular()).toEqual(emma(1))
    const rewinds = system.project.offer(rewindOffer)
    const [last] = await system.project.offer(journalOffer).show({ tenant: libraryId, limit: 1 })
    const to = last!.sequence
    await run('update public.books set copies = 5')
    await borrow(ben)
    await waitFor(async () => (await popular())[0]?.loans === 2)
    await rewinds.apply({
      tenant: libraryId,
      to,
      actor: { user: null, role: 'owner', requestId: null, via: 'test', reason: null },
    })
    expect(await popular()).toEqual(emma(1))
  })
})

describe('a library taken back', () => {
  const rewind = (body: object, as = ben) =>
    system.call('rewind-library', { tenant: libraryId, ...body }, { as })
  const copies = async () => (await run('select copies from public.books'))[0]!['copies']

  it('by a librarian, with a preview as data, and the undo of it', async () => {
    await system.project.tail.settle()
    const [last] = await system.project.offer(journalOffer).show({ tenant: libraryId, limit: 1 })
    await run('update public.books set copies = 7')
    const point = { to: last!.committedAt, tables: ['books'] }
    const preview = await rewind({ action: 'preview', ...point })
    expect(preview.body.data).toMatchObject({
      undone: 1,
      tables: [{ table: 'public.books', removed: 0, restored: 0, reverted: 1 }],
      lost: [],
    })
    expect(await copies()).toBe(7)
    const applied = await rewind({ action: 'apply', ...point })
    expect(applied.body.data).toMatchObject({ undone: 1, journalled: true })
    expect(await copies()).toBe(1)
    const [entry] = await system.project.offer(journalOffer).show({ tenant: libraryId, limit: 1 })
    expect(entry!.actor).toMatchObject({ user: ben.userId, via: 'rewind-library' })
    const { id } = applied.body.data as { id: string }
    expect((await rewind({ action: 'undo', id })).status).toBe(200)
    expect(await copies()).toBe(7)
    expect((await rewind({ action: 'undo', id: bookId })).body).toMatchObject({ code: 'rewind_unknown' })
  })

  it('by nobody else; a stranger learns nothing', async () => {
    const missing = { tenant: '22222222-2222-4222-8222-222222222222' }
    const answers = [
      await rewind({ action: 'preview', to: 0 }, ada),
      await rewind({ action: 'apply', to: 0 }, eve),
      await rewind({ action: 'undo', id: bookId }, eve),
      await rewind({ action: 'preview', to: 0, ...missing }, ben),
    ]
    for (const { status, body } of answers) {
      expect(status).toBe(404)
      expect(body).toMatchObject({ code: 'rewind_unknown_tenant' })
    }
  })
})

describe('jobs', () => {
  it('remind of each overdue loan once', async () => {
    await borrow(ada)
    system.clock.set(daysFromNow(30))
    expect(await system.jobs.runDue()).toContainEqual({ job: 'remind-readers', error: null })
    const reminded = await run('select reminded_at from public.loans')
    expect(reminded[0]!['reminded_at']).not.toBeNull()
    await system.jobs.run('remind-readers')
    expect(await run('select reminded_at from public.loans')).toEqual(reminded)
  })

  it('of the capability forget what nobody used', async () => {
    await system.project.offer(cardsOffer).issue(eve.userId)
    await system.database.asOwner(
      sql`update plinth.reading_cards set used_at = '2020-01-01' where user_id = ${eve.userId}`,
    )
    await system.jobs.run('forget-unused-cards')
    expect(await run('select from plinth.reading_cards where user_id = $1', [eve.userId])).toEqual([])
  })
})

describe('a reader’s data', () => {
  it('is taken out of loans that stay, with the card', async () => {
    await borrow(ada)
    await system.project.offer(cardsOffer).issue(ada.userId)
    await system.project.offer(privacyOffer).persons.erase(ada.userId)
    expect(await run('select reader_email from public.loans')).toEqual([{ reader_email: null }])
    expect(await run('select from plinth.reading_cards where user_id = $1', [ada.userId])).toEqual([])
  })
})

describe('the import of books', () => {
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-library-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  it('adds what is new, tells what was refused, and writes nothing when it is only tried', async () => {
    const file = join(folder, 'books.csv')
    await writeFile(
      file,
      'title,author,copies\nPersuasion,Jane Austen,3\n,Nobody,1\nUlysses,James Joyce,many\n',
    )
    const importing = (dryRun: boolean) =>
      importBooks.run({
        openSession: () => openOwnerSession({ addresses: system.addresses, via: 'import' }),
        file,
        tenant: libraryId,
        zone: 'UTC',
        format: undefined,
        columns: {},
        decimalSign: 'point',
        dryRun,
        report: undefined,
        onProgress: () => undefined,
        signal: new AbortController().signal,
      })
    expect(await importing(true)).toEqual({ lines: 3, refusedLines: 2, added: 0 })
    expect(await importing(false)).toEqual({ lines: 3, refusedLines: 2, added: 1 })
    expect(await importing(false)).toMatchObject({ added: 0 })
  })
})
