import { expect, it } from 'vitest'
import { databaseErrors } from './errors.ts'
import { retryUndone } from './retry-undone.ts'

const deadlock = () => Object.assign(new Error('deadlock detected'), { code: '40P01' })

/** Fails with each of these in turn, then gives how often it ran. */
function failing(...errors: readonly Error[]): () => Promise<number> {
  let runs = 0
  return async () => {
    const error = errors[runs++]
    if (error) throw error
    return runs
  }
}

it('repeats what a deadlock undid, three times', async () => {
  expect(await retryUndone(failing(deadlock(), deadlock(), deadlock()))).toBe(4)
  const often = failing(deadlock(), deadlock(), deadlock(), deadlock())
  await expect(retryUndone(often)).rejects.toMatchObject({ code: '40P01' })
})

it('repeats what failed for a prepared statement that was taken away', async () => {
  const gone = Object.assign(new Error('prepared statement does not exist'), { code: '26000' })
  expect(await retryUndone(failing(gone))).toBe(2)
})

it('repeats a read that was ended for others once, and then says so', async () => {
  const ended = () => databaseErrors.share_exceeded()
  expect(await retryUndone(failing(ended(), deadlock()))).toBe(3)
  await expect(retryUndone(failing(ended(), ended()))).rejects.toMatchObject({
    code: 'share_exceeded',
    status: 429,
  })
})

it('repeats nothing else', async () => {
  const broken = failing(databaseErrors.client_gone())
  await expect(retryUndone(broken)).rejects.toMatchObject({ code: 'client_gone' })
})
