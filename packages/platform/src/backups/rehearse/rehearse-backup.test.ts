import { expect, it } from 'vitest'
import { makeScratch } from './rehearse-backup.ts'

it('a project that is opened without its cluster rehearses nothing', async () => {
  await expect(makeScratch({ scratch: null } as never)).rejects.toMatchObject({
    code: 'backup_cannot_rehearse',
    status: 501,
  })
})
