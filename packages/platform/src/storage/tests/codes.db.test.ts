import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { sql } from '../../database/index.ts'
import { filesSystem, type ServedStorage, serveStorage } from './serve-storage.ts'

const system = useSystem(filesSystem({ fileSizeLimit: 50_000 }))
let served: ServedStorage
let service: Record<string, string>

beforeAll(async () => {
  served = await serveStorage(system)
  service = await served.headersOf('service')
  await ask('POST', '/object/closed/there.txt', 'text')
})
afterAll(() => served.stop(0))

async function ask(method: string, path: string, body?: string, headers: Record<string, string> = {}) {
  const type = body?.startsWith('{') ? { 'content-type': 'application/json' } : {}
  const init = body === undefined ? {} : { body }
  const answer = await fetch(`${served.url}/storage/v1${path}`, {
    method,
    headers: { ...service, ...type, ...headers },
    ...init,
  })
  const text = await answer.text()
  const { plinthCode } = (text.startsWith('{') ? JSON.parse(text) : {}) as { plinthCode?: string }
  return [answer.status, plinthCode]
}

it.each([
  ['no_such_bucket', 404, 'GET', '/bucket/none', undefined, {}],
  ['bucket_exists', 409, 'POST', '/bucket', '{"name":"closed"}', {}],
  ['bucket_not_empty', 409, 'DELETE', '/bucket/closed', undefined, {}],
  ['object_exists', 409, 'POST', '/object/closed/there.txt', 'again', {}],
  ['object_too_large', 413, 'POST', '/object/closed/large', 'x'.repeat(50_001), {}],
  ['invalid_range', 416, 'GET', '/object/closed/there.txt', undefined, { range: 'bytes=100-200' }],
  ['invalid_signature', 400, 'GET', '/object/sign/closed/there.txt?token=abc', undefined, {}],
  ['image_refused', 422, 'GET', '/render/image/authenticated/closed/there.txt?width=10', undefined, {}],
  ['storage_not_supported', 400, 'POST', '/vector/CreateIndex', '{}', {}],
] as const)('%s is answered with %i', async (code, status, method, path, body, headers) => {
  expect(await ask(method, path, body, headers)).toEqual([status, code])
})

it('no_content is answered to a form without a file', async () => {
  const form = new FormData()
  form.set('cacheControl', '3600')
  const answer = await fetch(`${served.url}/storage/v1/object/closed/nothing`, {
    method: 'POST',
    headers: service,
    body: form,
  })
  expect([answer.status, await answer.json()]).toEqual([
    400,
    expect.objectContaining({ plinthCode: 'no_content' }),
  ])
})

it('upload_locked is answered while another node writes', async () => {
  const begun = await fetch(`${served.url}/storage/v1/upload/resumable`, {
    method: 'POST',
    headers: {
      ...service,
      'tus-resumable': '1.0.0',
      'upload-length': '4',
      'upload-metadata': `bucketName ${btoa('closed')},objectName ${btoa('locked.txt')}`,
    },
  })
  await system.database.asOwner(
    sql`update plinth.storage_uploads set writer = gen_random_uuid(), writer_until = now() + interval '1 minute'`,
  )
  const answer = await fetch(new URL(begun.headers.get('location')!, served.url), {
    method: 'PATCH',
    headers: {
      ...service,
      'tus-resumable': '1.0.0',
      'upload-offset': '0',
      'content-type': 'application/offset+octet-stream',
    },
    body: 'text',
  })
  expect([answer.status, await answer.text()]).toEqual([
    423,
    expect.stringContaining('Another request is writing'),
  ])
})
