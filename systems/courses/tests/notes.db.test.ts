import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { courses } from '../system.ts'

const system = useSystem(courses)
const [ada, ben] = [actor('ada'), actor('ben')]
const insert = (table: string, body: object) =>
  system.request(`/rest/v1/${table}`, {
    method: 'POST',
    as: ada,
    headers: { prefer: 'return=representation' },
    body,
  })
const write = (body: string) => insert('notes', { body })

beforeAll(() => system.signUp(ada, ben))

describe('notes', () => {
  it('are written by their author and counted for nobody else', async () => {
    expect((await write('three plain words')).status).toBe(201)
    expect(await system.call('courses-count-words', {}, { as: ada })).toMatchObject({
      status: 200,
      body: { success: true, data: { notes: 1, words: 3 } },
    })
    expect((await system.call('courses-count-words', {}, { as: ben })).body.data).toEqual({
      notes: 0,
      words: 0,
    })
    expect((await system.call('courses-count-words')).body).toMatchObject({
      success: false,
      code: 'sign_in_required',
    })
  })

  it('lie in notebooks, which their author opens and nobody else', async () => {
    const { id } = (await insert('notebooks', { title: 'Travel' })).body[0]
    await insert('notes', { body: 'Lisbon', notebook_id: id })
    expect(await system.request(`/notebooks/${id}`, { as: ada })).toMatchObject({
      status: 200,
      body: { success: true, data: { title: 'Travel', notes: 1 } },
    })
    expect(await system.request(`/notebooks/${id}`, { as: ben })).toMatchObject({
      status: 404,
      body: { success: false, code: 'notebook_not_found' },
    })
  })

  it('are forgotten a year later, by the job that runs every night', async () => {
    await write('old')
    system.clock.set('2028-01-01T03:00:00Z')
    expect(await system.jobs.runDue()).toEqual(expect.arrayContaining([{ job: 'prune-notes', error: null }]))
    expect((await system.request('/rest/v1/notes', { as: ada })).body).toEqual([])
  })
})
