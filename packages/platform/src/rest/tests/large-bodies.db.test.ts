import { actor, stranger } from '@plinth/testing'
import { describe, expect, test } from 'vitest'
import type { Caller } from '../../database/index.ts'
import { useRest } from './rest-client.ts'

/** A body that counts how often it was asked for more. */
function watchedBody(chunk: string) {
  let reads = 0
  const stream = new ReadableStream<Uint8Array>(
    {
      pull: (controller) => {
        reads += 1
        controller.enqueue(Buffer.from(chunk))
        controller.close()
      },
    },
    { highWaterMark: 0 },
  )
  return { stream, reads: () => reads }
}

describe('a large body', () => {
  const rest = useRest()

  const send = async (method: string, path: string, as: Caller, prefer = 'return=minimal') => {
    const body = watchedBody('[]')
    const headers = { 'content-length': '100000', prefer }
    const answer = await rest.request(method, path, { as, headers, body: body.stream })
    return {
      status: answer.status,
      code: (answer.json as { code?: string } | undefined)?.code,
      reads: body.reads(),
    }
  }

  test.each([
    ['POST', '/secrets', stranger, 401],
    ['POST', '/secrets', actor('ada'), 403],
    ['PATCH', '/secrets?id=eq.1', actor('ada'), 403],
    ['PUT', '/secrets?id=eq.1', actor('ada'), 403],
    ['POST', '/guarded?columns=hidden', actor('ada'), 403],
    ['POST', '/rpc/only_service', stranger, 401],
  ])('for %s %s is not read when its caller may not send it', async (method, path, as, status) => {
    await rest.db.database.asOwner({
      text: `
      create table if not exists public.guarded (shown int, hidden int);
      revoke all on public.guarded from anon, authenticated;
      grant insert (shown) on public.guarded to authenticated;
      create or replace function public.only_service() returns int language sql return 1;
      revoke all on function public.only_service() from public, anon, authenticated;`,
    })
    expect(await send(method, path, as)).toEqual({ status, code: '42501', reads: 0 })
  })
  test('is read when a column may be written, or the function called', async () => {
    expect(await send('POST', '/guarded?columns=shown', actor('ada'))).toMatchObject({
      status: 201,
      reads: 1,
    })
    expect(await send('POST', '/guarded', actor('ada'))).toMatchObject({ status: 201, reads: 1 })
    expect(await send('POST', '/rpc/echo', stranger)).toMatchObject({ status: 200, reads: 1 })
  })
  test('for what is not there is not read', async () => {
    expect(await send('POST', '/nothing', stranger)).toMatchObject({ status: 404, reads: 0 })
    expect(await send('POST', '/rpc/nothing', stranger)).toMatchObject({ status: 404, reads: 0 })
  })
  test('over the limit is not read', async () => {
    const body = watchedBody('[]')
    const headers = { 'content-length': '10485761' }
    expect(await rest.request('POST', '/actors', { headers, body: body.stream })).toMatchObject({
      status: 413,
    })
    expect(body.reads()).toBe(0)
  })
  test('arrives whole', async () => {
    const rows = Array.from({ length: 5_000 }, (_, n) => ({ word: `wörd "${n}"\n`, n }))
    expect((await rest.request('POST', '/tallies', { body: rows })).status).toBe(201)
    const csv = `word,n\n${rows.map(({ word, n }) => `"${word.replaceAll('"', '""')}",${n}`).join('\n')}`
    const asCsv = { headers: { 'content-type': 'text/csv' }, body: csv }
    expect((await rest.request('POST', '/tallies', asCsv)).status).toBe(201)
    const { json } = await rest.get('/tallies?select=word,n&order=n&limit=4&offset=9996')
    expect(json).toEqual([4998, 4998, 4999, 4999].map((n) => ({ word: `wörd "${n}"\n`, n })))
  })
})
