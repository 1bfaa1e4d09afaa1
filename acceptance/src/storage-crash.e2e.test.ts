import { createHash, randomBytes, randomInt } from 'node:crypto'
import type { SupabaseClient } from '@supabase/supabase-js'
import { Upload } from 'tus-js-client'
import { expect, it } from 'vitest'
import { connectAsService, must } from './clients.ts'
import { runPlinth } from './run-plinth.ts'
import { createDataDir, type Plinth, type SystemStatus, startPlinth } from './start-plinth.ts'

/** 50 kills take about three minutes. */
const kills = process.env.PLINTH_TEST_LONG ? 50 : 3

it(`loses no file that was acknowledged, and leaves nothing behind, when it is killed ${kills} times in the middle of uploads`, {
  timeout: 900_000,
}, async () => {
  const { dataDir, remove } = await createDataDir()
  const acknowledged = new Map<string, string>()
  let plinth = await start(dataDir)
  must(await clientOf(plinth).storage.createBucket('crash'))
  for (let kill = 0; kill < kills; kill++) {
    const system = plinth.systems.shops!
    const uploads = Array.from({ length: 6 }, (_, at) => upload(system, `${kill}/${at}`, acknowledged))
    await new Promise((resolve) => setTimeout(resolve, randomInt(150)))
    await plinth.kill()
    await Promise.all(uploads)
    plinth = await start(dataDir)
  }
  const repaired = await runPlinth(dataDir, [
    'storage',
    'check',
    'shops',
    '--repair',
    '--deep',
    '--grace',
    '0',
    '--json',
  ])
  expect(JSON.parse(repaired.stdout)).toMatchObject({ missing: [] })
  await runPlinth(dataDir, ['storage', 'sweep', 'shops', '--grace', '0'])
  const checked = await runPlinth(dataDir, ['storage', 'check', 'shops', '--deep', '--grace', '0', '--json'])
  expect(checked.code).toBe(0)
  expect(JSON.parse(checked.stdout)).toMatchObject({ orphans: [], missing: [], abandoned: 0 })
  const client = clientOf(plinth)
  for (const [path, hash] of acknowledged) {
    const bytes = Buffer.from(await must(await client.storage.from('crash').download(path)).arrayBuffer())
    expect(hashOf(bytes)).toBe(hash)
  }
  expect(await objectsIn(client)).toBe(JSON.parse(checked.stdout).checked)
  await plinth.stop()
  await remove()
})

const start = (dataDir: string) => startPlinth({ dataDir, arguments: ['shops'] })
const clientOf = (plinth: Plinth) => connectAsService(plinth.systems.shops!)
const hashOf = (bytes: Buffer) => createHash('sha256').update(bytes).digest('hex')

/** Resolves when the server has answered or is gone; what it acknowledged is noted. */
async function upload(system: SystemStatus, path: string, acknowledged: Map<string, string>): Promise<void> {
  const bytes = randomBytes(randomInt(1, 6_000_000))
  const isDone =
    randomInt(2) === 0 ? await uploadWhole(system, path, bytes) : await uploadInPieces(system, path, bytes)
  if (isDone) acknowledged.set(path, hashOf(bytes))
}

async function uploadWhole(system: SystemStatus, path: string, bytes: Buffer): Promise<boolean> {
  const { error } = await connectAsService(system).storage.from('crash').upload(path, bytes)
  return error === null
}

function uploadInPieces(system: SystemStatus, path: string, bytes: Buffer): Promise<boolean> {
  return new Promise((resolve) => {
    new Upload(bytes, {
      endpoint: `${system.api_url}/storage/v1/upload/resumable`,
      headers: { apikey: system.service_role_key, authorization: `Bearer ${system.service_role_key}` },
      chunkSize: 1_000_000,
      retryDelays: null,
      metadata: { bucketName: 'crash', objectName: path },
      onError: () => resolve(false),
      onSuccess: () => resolve(true),
    }).start()
  })
}

async function objectsIn(client: SupabaseClient): Promise<number> {
  const page = must(await client.storage.from('crash').listV2({ limit: 10_000 }))
  return page.objects.length
}
