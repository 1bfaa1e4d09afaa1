import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { promisify } from 'node:util'
import type { SupabaseClient } from '@supabase/supabase-js'
import { Upload } from 'tus-js-client'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, must } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

const base = 'make-server-7dc8476e'
const port = 54_741
let data: Awaited<ReturnType<typeof createDataDir>>
let plinth: Plinth
const start = () => startPlinth({ dataDir: data.dataDir, port, arguments: ['eyemotion', '--demo'] })
const project = (): SystemStatus => plinth.systems['eyemotion']!

beforeAll(async () => {
  data = await createDataDir()
  plinth = await start()
})
afterAll(async () => {
  await plinth.stop()
  await data.remove()
})

/** A route through supabase.functions, as an app of Supabase calls it. */
async function invoke<T>(
  client: SupabaseClient,
  method: 'GET' | 'POST' | 'DELETE',
  path: string,
  body?: object,
) {
  return must(await client.functions.invoke<T>(`${base}${path}`, { method, ...(body ? { body } : {}) }))
}

const register = async (name: string) => {
  const email = `${name}@example.test`
  const password = `password of ${name}`
  const answer = await fetch(`${project().api_url}/${base}/auth/register`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ email, password, fullName: name }),
  })
  expect(answer.status).toBe(201)
  const client = connect(project())
  must(await client.auth.signInWithPassword({ email, password }))
  return { client, email, password }
}

describe('a day of a studio', () => {
  it('begins with the tour of the page, as it is written', async () => {
    const page = await readFile(new URL('../../docs/eyemotion.md', import.meta.url), 'utf8')
    const tour = /```bash\n([\s\S]*?)```/.exec(page)![1]!
    const { stdout } = await promisify(execFile)('bash', ['-ec', tour], {
      cwd: data.dataDir,
      env: {
        ...process.env,
        PATH: `${process.execPath.replace(/\/node$/, '')}:${process.env['PATH']}`,
        API_URL: project().api_url,
        ANON_KEY: project().anon_key,
      },
    })
    const printed = stdout.split('\n').filter((line) => /^(\d+|uploaded|take-1\.bin)$/.test(line))
    expect(printed).toEqual(['600', 'uploaded', '48', 'take-1.bin', '3000000'])
  })

  it('E-X8, E-X7: answers the printed curls, compressed where they are long', async () => {
    const curl = async (...given: string[]) =>
      JSON.parse((await promisify(execFile)('curl', ['-s', ...given])).stdout) as Record<string, unknown>
    for (const root of [`${project().api_url}/functions/v1`, project().api_url]) {
      expect(await curl(`${root}/${base}/health`)).toMatchObject({
        service: 'eyemotion-backend',
        version: '1.0.0',
      })
      const webhook = [
        '-X',
        'POST',
        `${root}/${base}/payments/webhook`,
        '-H',
        'stripe-signature: test',
        '-d',
        'test payload',
      ]
      // Refused in words: this server has no secret of Stripe's.
      expect(await curl(...webhook)).toMatchObject({ success: false, code: 'payment_provider_off' })
    }
    const register = [
      '-X',
      'POST',
      `${project().api_url}/${base}/auth/register`,
      '-H',
      'Content-Type: application/json',
    ]
    const body = '{"email":"test@example.com","password":"password","fullName":"Test User"}'
    expect(await curl(...register, '-d', body)).toMatchObject({ user: { email: 'test@example.com' } })
    const reference = await fetch(`${project().api_url}/openapi.json`, {
      headers: { apikey: project().anon_key, 'accept-encoding': 'br' },
    })
    expect([reference.status, reference.headers.get('content-encoding')]).toEqual([200, 'br'])
  })

  it('AT-44: footage goes up by tus though the connection is cut and the server killed, and is settled at its size', async () => {
    const { client } = await register('ada')
    const made = await invoke<{ project: { id: string } }>(client, 'POST', '/projects', { name: 'Rushes' })
    const bytes = randomBytes(5 * 2 ** 20)
    const asked = await invoke<{ fileId: string; bucket: string; path: string; resumableUrl: string }>(
      client,
      'POST',
      '/files/upload-url',
      {
        projectId: made.project.id,
        fileName: 'rush.bin',
        fileSize: bytes.length,
        fileType: 'application/octet-stream',
      },
    )
    const { session } = must(await client.auth.getSession())
    const uploadFrom = (uploadUrl: string | null, stopAt: number) =>
      new Promise<string | null>((resolve, reject) => {
        const upload = new Upload(bytes, {
          endpoint: asked.resumableUrl,
          ...(uploadUrl ? { uploadUrl } : {}),
          headers: { apikey: project().anon_key, authorization: `Bearer ${session!.access_token}` },
          chunkSize: 2 ** 20,
          retryDelays: [0, 200, 500, 1_000],
          metadata: {
            bucketName: asked.bucket,
            objectName: asked.path,
            contentType: 'application/octet-stream',
          },
          onError: reject,
          onSuccess: () => resolve(null),
          onChunkComplete: (_size, accepted) => {
            if (accepted >= stopAt) upload.abort().then(() => resolve(upload.url), reject)
          },
        })
        upload.start()
      })
    const cut = await uploadFrom(null, 2 * 2 ** 20)
    expect(cut).not.toBeNull()
    await plinth.kill()
    plinth = await start()
    expect(await uploadFrom(cut, Number.POSITIVE_INFINITY)).toBeNull()
    const confirmed = await invoke<{ file: { file_size: number; credits_cost: number } }>(
      client,
      'POST',
      `/files/${asked.fileId}/confirm`,
      {},
    )
    expect(confirmed.file).toMatchObject({ file_size: bytes.length, credits_cost: 1 })
    const { url } = await invoke<{ url: string }>(client, 'GET', `/files/${asked.fileId}/download`)
    const back = Buffer.from(await (await fetch(url)).arrayBuffer())
    const hash = (of: Buffer) => createHash('sha256').update(of).digest('hex')
    expect(hash(back)).toBe(hash(bytes))
    expect(must(await client.from('projects').select('name, file_count').single())).toEqual({
      name: 'Rushes',
      file_count: 1,
    })
    expect(must(await client.from('credits_usage').select('credits_used, action').single())).toEqual({
      credits_used: 1,
      action: 'upload',
    })
  })

  it('E-X9: a password is chosen anew by the link of a mail', async () => {
    const { email } = await register('ben')
    const answer = await fetch(`${project().api_url}/${base}/auth/reset-password`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ email }),
    })
    expect(await answer.json()).toEqual({ sent: true })
    const inbox = `${project().api_url}/inbox/messages?recipient=${encodeURIComponent(email)}`
    let link: string | undefined
    await expect
      .poll(
        async () => {
          const { service_role_key: key } = project()
          const messages = await (
            await fetch(inbox, { headers: { apikey: key, authorization: `Bearer ${key}` } })
          ).text()
          link = /http[^\s"'\\<>]*\/verify\?[^\s"'\\<>]*/.exec(messages)?.[0]?.replaceAll('&amp;', '&')
          return link
        },
        { timeout: 20_000 },
      )
      .toBeDefined()
    const followed = await fetch(link!, { redirect: 'manual' })
    const token = new URLSearchParams(new URL(followed.headers.get('location')!).hash.slice(1)).get(
      'access_token',
    )
    const changed = await fetch(`${project().api_url}/auth/v1/user`, {
      method: 'PUT',
      headers: {
        apikey: project().anon_key,
        authorization: `Bearer ${token}`,
        'content-type': 'application/json',
      },
      body: JSON.stringify({ password: 'a new one of mine' }),
    })
    expect(changed.status).toBe(200)
    expect(
      (await connect(project()).auth.signInWithPassword({ email, password: 'a new one of mine' })).error,
    ).toBeNull()
  })

  it('E-C1, E-B1: the operator initialises, looks, backs up and appoints by command', async () => {
    const run = (...given: string[]) => runPlinth(data.dataDir, ['eyemotion', ...given])
    expect(await run('init', '--price', 'pro=price_x')).toMatchObject({ code: 0 })
    expect((await run('init')).stderr).toContain('The system is initialised')
    expect(await run('init', '--force')).toMatchObject({ code: 0 })
    const health = JSON.parse((await run('health', '--json')).stdout) as {
      overall: string
      components: object
    }
    expect(health.overall).toBe('warning')
    expect(Object.keys(health.components)).toEqual(
      expect.arrayContaining(['database', 'auth', 'kv', 'storage', 'payments']),
    )
    expect((await run('report')).stdout).toMatch(/^eyemotion, .*: warning\n/)
    expect((await run('backup')).stdout).toMatch(/^backup:full:20\d\d-[\w:.-]+Z completed \d+ bytes\n$/)
    expect((await run('admin', 'nobody@example.test')).code).toBe(1)
    expect((await run('admin', 'ada@example.test')).stdout).toBe('ada@example.test is a super admin.\n')
  })

  it('E-X1: an account goes with everything, and the journal forgets its name', async () => {
    const { client, email, password } = await register('zoe')
    await invoke(client, 'POST', '/projects', { name: 'Last' })
    expect(await invoke(client, 'DELETE', '/auth/account', { password })).toEqual({ deleted: true })
    expect((await connect(project()).auth.signInWithPassword({ email, password })).error).toMatchObject({
      code: 'invalid_credentials',
    })
  })
})
