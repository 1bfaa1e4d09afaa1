import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { expect, it } from 'vitest'
import { anonymousCaller, scopeDatabase, serviceCaller } from '../../database/index.ts'
import { silentLog } from '../../kernel/index.ts'
import { filesSystem } from '../tests/serve-storage.ts'
import type { CallerFiles } from './caller-files.ts'

const system = useSystem(filesSystem())
const ada = actor('ada')
const filesOf = (caller: typeof anonymousCaller): CallerFiles => {
  const db = scopeDatabase(system.database, caller)
  const { files } = system.project.extendContext({ db, clock: system.clock, log: silentLog }) as {
    files: CallerFiles
  }
  return files
}

it('a handler reads and writes files as its caller, and as the service only by saying so', async () => {
  const [hers, strangers] = [filesOf(ada), filesOf(anonymousCaller)]
  const mine = hers.bucket('mine')
  const path = `${ada.userId}/certificate.txt`
  const made = await mine.upload(path, 'well done', { contentType: 'text/plain', metadata: { course: 7 } })
  expect(made).toMatchObject({ path, size: 9, contentType: 'text/plain', metadata: { course: 7 } })
  expect(String(await mine.read(path))).toBe('well done')
  await expect(strangers.bucket('mine').read(path)).rejects.toMatchObject({ code: 'no_such_object' })
  await expect(strangers.bucket('mine').upload('x', 'x')).rejects.toMatchObject({
    code: 'storage_access_denied',
  })
  const service = strangers.as({ caller: serviceCaller('a test') }).bucket('mine')
  expect(await service.info(path)).toEqual(made)
  await mine.copy(path, `${ada.userId}/copy.txt`)
  await mine.move(`${ada.userId}/copy.txt`, `${ada.userId}/moved.txt`)
  expect(await mine.remove([path, `${ada.userId}/moved.txt`, 'none'])).toBe(2)
})

it('signs addresses that the storage API takes', async () => {
  const mine = filesOf(ada).bucket('mine')
  const path = `${ada.userId}/signed.txt`
  const { url } = await mine.signUpload(path)
  const below = (address: string) =>
    address.slice(system.project.settings ? 'http://plinth.test/files'.length : 0)
  expect((await system.request(below(url), { method: 'PUT', body: 'by link' })).status).toBe(200)
  expect((await system.request(below(await mine.signUrl(path, 60)))).body).toBe('by link')
  expect(mine.publicUrl('a b.png')).toBe('http://plinth.test/files/storage/v1/object/public/mine/a%20b.png')
})
