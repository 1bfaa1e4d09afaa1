import { sql } from '@plinth/platform/database'
import { useSystem } from '@plinth/testing/system'
import { beforeAll, describe, expect, it } from 'vitest'
import { base } from '../routes/api.ts'
import { eyemotion } from '../system.ts'
import { type Person, password, studioOf } from './open-studio.ts'

// The clock goes on for days; sessions do, too.
const system = useSystem(eyemotion, { environment: { PLINTH_EYEMOTION_AUTH_JWT_EXP: '604800' } })
const { call, personOf, register, value, makeAdmin, setFlags, upload } = studioOf(system)
let ada: Person
let ben: Person
let root: Person

beforeAll(async () => {
  ada = await register('ada')
  ben = await register('ben')
  root = await register('root')
  await makeAdmin(root, 'super_admin')
})

const gib = 2 ** 30

describe('accounts', () => {
  it('E-A1 register: an account on freemium, without any key, as printed', async () => {
    const made = await system.request(`${base}/auth/register`, {
      method: 'POST',
      headers: { apikey: '' },
      body: { email: 'Test@example.com', password: 'password', fullName: 'Test User', companyName: 'Films' },
    })
    expect(made).toMatchObject({
      status: 201,
      body: { user: { email: 'test@example.com' }, session: { token_type: 'bearer' } },
    })
    const me = await personOf(made).get('/auth/me')
    expect(me).toMatchObject({
      user: { email: 'test@example.com' },
      profile: { full_name: 'Test User', company_name: 'Films', role: 'user', country: 'Thailand' },
      subscription: { plan: 'freemium', status: 'active', credits_included: 100, storage_limit_bytes: gib },
      credits: { available: 100, owed: 0 },
    })
    const again = await call('POST', '/auth/register', { email: 'test@example.com', password, fullName: 'X' })
    expect(again).toMatchObject({ status: 422, body: { code: 'user_already_exists' } })
    expect((await call('POST', '/auth/register', { email: 'x', password: 'p', fullName: 'X' })).status).toBe(
      400,
    )
  })

  it('E-A2 sign in, refresh; a wrong password is refused', async () => {
    const answer = await call('POST', '/auth/signin', { email: ada.email, password })
    expect(answer.status).toBe(200)
    const { refreshToken } = personOf(answer)
    const refreshed = await call('POST', '/auth/refresh', { refreshToken })
    expect(personOf(refreshed).id).toBe(ada.id)
    expect(await call('POST', '/auth/signin', { email: ada.email, password: 'wrong' })).toMatchObject({
      status: 400,
      body: { success: false, code: 'invalid_credentials' },
    })
  })

  it('E-A3 OAuth: nobody signs in by a provider that is off, or that is not Google or GitHub', async () => {
    for (const provider of ['google', 'facebook'])
      expect(await call('POST', `/auth/oauth/${provider}`, {})).toMatchObject({
        status: 404,
        body: { code: 'provider_unknown' },
      })
    expect(
      (await call('POST', '/auth/callback', { code: 'made up', codeVerifier: 'x' })).status,
    ).toBeGreaterThanOrEqual(400)
  })

  it('E-A4 me, E-A5 profile: own fields, and no others', async () => {
    const changed = await ada.call('PUT', '/auth/profile', {
      fullName: 'Ada Lovelace',
      industry: null,
      preferences: { theme: 'dark' },
      role: 'super_admin',
    })
    expect(changed).toMatchObject({
      status: 200,
      body: { profile: { full_name: 'Ada Lovelace', role: 'user', preferences: { theme: 'dark' } } },
    })
    expect((await call('GET', '/auth/me')).status).toBe(401)
    const byRest = await system.request(`/rest/v1/user_profiles?id=eq.${ada.id}`, {
      method: 'PATCH',
      headers: { authorization: `Bearer ${ada.token}` },
      body: { role: 'admin' },
    })
    expect(byRest.status).toBe(403)
  })

  it('E-A6 sign out ends the session; E-X9 reset-password tells nothing of who has an account', async () => {
    const session = personOf(await call('POST', '/auth/signin', { email: ben.email, password }))
    expect(await session.call('POST', '/auth/signout', {})).toMatchObject({ status: 200 })
    expect((await call('POST', '/auth/refresh', { refreshToken: session.refreshToken })).status).toBe(400)
    // This project sends no mail; a day of a studio (acceptance) follows the link.
    for (const email of [ben.email, 'nobody@example.com'])
      expect(await call('POST', '/auth/reset-password', { email })).toMatchObject({
        status: 422,
        body: { code: 'email_provider_disabled' },
      })
  })

  it('E-N2 authEnabled switches off what makes accounts and sessions, over auth’s own address too', async () => {
    await setFlags({ authEnabled: false })
    const body = { email: 'late@example.com', password, fullName: 'Late' }
    expect(await call('POST', '/auth/register', body)).toMatchObject({
      status: 503,
      body: { code: 'feature_off' },
    })
    expect(await call('POST', '/auth/signin', { email: ada.email, password })).toMatchObject({ status: 503 })
    const direct = await system.request('/auth/v1/signup', {
      method: 'POST',
      body: { email: body.email, password },
    })
    expect(direct.status).toBe(403)
    const token = (email: string) =>
      system.request('/auth/v1/token?grant_type=password', { method: 'POST', body: { email, password } })
    expect((await token(ada.email)).status).toBe(403)
    // Whoever can switch it on again comes in.
    expect((await token(root.email)).status).toBe(200)
    await setFlags({})
  })
})

describe('credits', () => {
  const grant = (person: Person, key: string, credits: number, days?: number) =>
    system.database.asOwner(sql`select private.grant_credits(${person.id}, ${key}, ${credits},
      ${days === undefined ? 'infinity' : new Date(system.clock.now().getTime() + days * 86_400_000)})`)
  const use = (person: Person, key: string, credits: number) =>
    person.call('POST', '/credits/use', { key, credits, action: 'render' })

  it('are burned soonest expiring first, included before extra, and each burn cites its lots', async () => {
    const eva = await register('eva')
    await grant(eva, 'long', 50)
    await grant(eva, 'short', 30, 3)
    const answer = await use(eva, 'a', 140)
    expect(answer.status).toBe(200)
    expect(answer.body.used.details.lots.map(({ credits }: { credits: number }) => credits)).toEqual([
      30, 100, 10,
    ])
    expect(answer.body.credits).toMatchObject({ available: 40, extra: 40, used: 140 })
    // The same key is the same burn; another amount under it is refused.
    expect((await use(eva, 'a', 140)).body.used.id).toBe(answer.body.used.id)
    expect(await use(eva, 'a', 1)).toMatchObject({ status: 409, body: { code: 'burn_key_taken' } })
    expect(await use(eva, 'b', 41)).toMatchObject({
      status: 402,
      body: { code: 'not_enough_credits', details: { needed: 41, available: 40 } },
    })
    expect((await eva.get('/credits/usage')).total).toBe(1)
  })

  it('AT-18: of five hundred burns at once on a hundred credits, a hundred are burned and none below zero', async () => {
    const fay = await register('fay')
    const now = system.clock.now()
    const burn = (n: number) =>
      system.database
        .asCaller(
          { role: 'service_role', claims: { role: 'service_role' } } as never,
          sql`select private.burn_credits(${fay.id}, ${`race ${n}`}, 1, 'race', null, null, '{}', ${now})`,
        )
        .then(
          () => 1,
          (error: { detail?: string }) => {
            if (!error.detail?.includes('not_enough_credits')) throw error
            return 0
          },
        )
    const burned = await Promise.all(Array.from({ length: 500 }, (_, n) => burn(n)))
    expect(burned.reduce((sum, one) => sum + one, 0)).toBe(100)
    expect(await fay.get('/credits')).toMatchObject({ available: 0, used: 100, owed: 0 })
    // Warned once, by mail and in the app, though nine burns came after a tenth was left.
    const messages = sql`select count(*)::int from plinth.notifications where person = ${fay.id}::text`
    expect(await value<number>(messages)).toBe(2)
  })

  it('come once a month on freemium, from the day of the account', async () => {
    const gus = await register('gus')
    await use(gus, 'all', 100)
    const begin = sql`select private.begin_free_period(${gus.id}, ${new Date(system.clock.now().getTime() + 32 * 86_400_000)})`
    await system.database.asOwner(begin)
    await system.database.asOwner(begin)
    expect(
      await value(
        sql`select jsonb_build_object('included', credits_included, 'used', credits_used) from public.user_subscriptions where user_id = ${gus.id}`,
      ),
    ).toEqual({ included: 100, used: 0 })
  })
})

describe('projects', () => {
  let project: string
  const create = async (person: Person, name: string) =>
    (await person.call('POST', '/projects', { name, type: 'short_film', tags: ['noir'] })).body.project
      .id as string

  beforeAll(async () => {
    project = await create(ada, 'Night Train')
  })

  it('E-J1 are begun, listed, shown, changed and searched by their owner; strangers see none', async () => {
    expect(await ada.get('/projects?search=night&tag=noir')).toMatchObject({
      total: 1,
      projects: [{ id: project, status: 'draft', type: 'short_film', file_count: 0 }],
    })
    expect(await ben.get('/projects')).toMatchObject({ total: 0 })
    for (const [method, path, body] of [
      ['GET', `/projects/${project}`, undefined],
      ['PUT', `/projects/${project}`, { name: 'Mine' }],
      ['DELETE', `/projects/${project}`, undefined],
      ['GET', `/projects/${project}/files`, undefined],
      ['POST', `/projects/${project}/exports`, {}],
      ['POST', `/projects/${project}/review-links`, {}],
    ] as const)
      expect(await ben.call(method, path, body)).toMatchObject({
        status: 404,
        body: { code: 'project_not_found' },
      })
  })

  it('move through the table of states, and in no other way', async () => {
    const states = ['draft', 'in_progress', 'review', 'completed', 'archived']
    const moves: Record<string, string[]> = {
      draft: ['in_progress', 'archived'],
      in_progress: ['draft', 'review', 'archived'],
      review: ['in_progress', 'completed', 'archived'],
      completed: ['in_progress', 'archived'],
      archived: ['draft', 'in_progress'],
    }
    for (const from of states)
      for (const to of states.filter((state) => state !== from)) {
        const { rows } = await system.database.asOwner<{ id: string }>(sql`
          insert into public.projects (user_id, name, status) values (${ada.id}, ${`${from} ${to}`}, ${from}) returning id`)
        const moved = await ada.call('PUT', `/projects/${rows[0]!.id}`, { status: to })
        expect([from, to, moved.status]).toEqual([from, to, moves[from]!.includes(to) ? 200 : 409])
        if (moved.status === 409) expect(moved.body.code).toBe('project_state')
      }
  })

  it('are worked on by members in their roles, and by teams', async () => {
    await system.database.asOwner(
      sql`update auth.users set email_confirmed_at = now() where id in (${ben.id}, ${root.id})`,
    )
    const member = (role: string) =>
      ada.call('POST', `/projects/${project}/members`, { email: ben.email, role })
    expect((await member('viewer')).status).toBe(200)
    expect((await ben.get(`/projects/${project}`)).project.name).toBe('Night Train')
    expect(await ben.call('PUT', `/projects/${project}`, { name: 'Mine' })).toMatchObject({
      status: 403,
      body: { code: 'role_too_low' },
    })
    expect((await member('editor')).status).toBe(200)
    expect((await ben.call('PUT', `/projects/${project}`, { description: 'On rails' })).status).toBe(200)
    expect(await ben.call('POST', `/projects/${project}/members`, { email: root.email })).toMatchObject({
      status: 403,
    })
    expect(
      await ada.call('POST', `/projects/${project}/members`, { email: 'nobody@example.com' }),
    ).toMatchObject({
      status: 404,
      body: { code: 'user_not_found' },
    })
    const rest = { headers: { authorization: `Bearer ${ada.token}`, prefer: 'return=representation' } }
    const team = await system.request('/rest/v1/teams', { method: 'POST', ...rest, body: { name: 'Camera' } })
    const teamId = team.body[0].id
    expect((await ada.call('POST', `/teams/${teamId}/members`, { email: root.email })).status).toBe(200)
    expect((await ben.call('POST', `/teams/${teamId}/members`, { email: root.email })).body.code).toBe(
      'team_not_found',
    )
    const shared = await create(ada, 'Shared')
    expect((await ada.call('PUT', `/projects/${shared}`, { teamId })).status).toBe(200)
    expect((await root.get(`/projects/${shared}`)).project.name).toBe('Shared')
    expect((await root.call('DELETE', `/projects/${shared}`)).status).toBe(403)
    expect((await ada.call('DELETE', `/projects/${shared}`)).body).toEqual({ deleted: true })
  })

  it('E-J2 files are listed, E-J3 upload-url reserves credits and room, E-J4 confirm settles the true size, deletion gives room back', async () => {
    const bytes = new Uint8Array(300_000).fill(7)
    const before = await ada.get('/usage')
    const asked = await ada.call('POST', '/files/upload-url', {
      projectId: project,
      fileName: 'take 1.mov',
      fileSize: 200 * 2 ** 20,
      fileType: 'application/octet-stream',
    })
    expect(asked).toMatchObject({ status: 201, body: { creditsNeeded: 2, bucket: 'eyemotion-projects' } })
    expect(await ada.get('/usage')).toMatchObject({
      credits: { available: before.credits.available - 2 },
      storage: { availableBytes: before.storage.availableBytes - 200 * 2 ** 20 },
    })
    const { fileId, uploadUrl } = asked.body
    expect(await ada.call('POST', `/files/${fileId}/confirm`)).toMatchObject({
      status: 409,
      body: { code: 'upload_missing' },
    })
    expect((await ada.call('GET', `/files/${fileId}/download`)).body.code).toBe('upload_missing')
    const { pathname, search } = new URL(uploadUrl)
    const put = await system.request(`${pathname.replace('/eyemotion', '')}${search}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/octet-stream' },
      body: bytes,
    })
    expect(put.status).toBe(200)
    const confirmed = await ada.call('POST', `/files/${fileId}/confirm`)
    expect(confirmed).toMatchObject({
      status: 200,
      body: { file: { file_size: 300_000, credits_cost: 1, processing_status: 'uploaded' } },
    })
    expect((await ada.call('POST', `/files/${fileId}/confirm`)).body.file.id).toBe(fileId)
    expect(await ada.get('/usage')).toMatchObject({
      credits: { available: before.credits.available - 1 },
      storage: { usedBytes: 300_000, availableBytes: before.storage.availableBytes - 300_000 },
    })
    const [{ details, credits_used }] = (await ada.get('/credits/usage')).usage
    expect([credits_used, details.bytes, details.lots[0].credits]).toEqual([1, 300_000, 1])
    expect((await ada.get(`/projects/${project}`)).project.file_count).toBe(1)
    expect(await ada.get(`/projects/${project}/files?search=take&status=uploaded`)).toMatchObject({
      total: 1,
    })

    const { url } = await ada.get(`/files/${fileId}/download`)
    const fetched = await system.request(
      new URL(url).pathname.replace('/eyemotion', '') + new URL(url).search,
    )
    expect(fetched.body).toHaveLength(300_000)
    await ada.call('PUT', `/files/${fileId}`, { fileName: 'Take one.mov', tags: ['keep'] })
    expect((await ada.get(`/files/${fileId}`)).file).toMatchObject({
      filename: 'Take one.mov',
      tags: ['keep'],
    })
    expect((await ada.call('DELETE', `/files/${fileId}`)).status).toBe(200)
    expect(await ada.get('/usage')).toMatchObject({
      credits: { available: before.credits.available - 1 },
      storage: { usedBytes: 0, availableBytes: before.storage.availableBytes },
    })
    expect((await ada.get(`/projects/${project}`)).project.file_count).toBe(0)
  })

  it('an upload that is abandoned gives back what it has reserved', async () => {
    const before = await ada.get('/usage')
    const ask = (fileSize: number, more: object = {}) =>
      ada.call('POST', '/files/upload-url', {
        projectId: project,
        fileName: 'x',
        fileSize,
        fileType: 'video/mp4',
        ...more,
      })
    expect((await ask(gib / 2)).status).toBe(201)
    expect(await ask(gib)).toMatchObject({ status: 413, body: { code: 'storage_full' } })
    expect(await ask(11 * gib)).toMatchObject({ status: 413, body: { code: 'file_too_large' } })
    expect(await ask(1, { folderId: ada.id })).toMatchObject({
      status: 404,
      body: { code: 'folder_not_found' },
    })
    expect(await ask(1, { versionOf: ada.id })).toMatchObject({
      status: 404,
      body: { code: 'file_not_found' },
    })
    system.clock.advance(25 * 3_600_000)
    await system.jobs.run('abandon-uploads')
    expect((await ada.get('/usage')).storage).toEqual(before.storage)
    expect((await ada.get('/credits')).available).toBe(before.credits.available)
  })

  it('versions stand side by side, are approved, and are spoken of by frame', async () => {
    const first = (await upload(ada, project, 'cut.mp4', new Uint8Array(10))).body.file
    const asked = await ada.call('POST', '/files/upload-url', {
      projectId: project,
      fileName: 'cut.mp4',
      fileSize: 10,
      fileType: 'application/octet-stream',
      versionOf: first.id,
    })
    const { pathname, search } = new URL(asked.body.uploadUrl)
    await system.request(`${pathname.replace('/eyemotion', '')}${search}`, {
      method: 'PUT',
      body: new Uint8Array(10),
    })
    await ada.call('POST', `/files/${asked.body.fileId}/confirm`)
    const { versions } = await ada.get(`/files/${first.id}/versions`)
    expect(versions.map(({ version }: { version: number }) => version)).toEqual([2, 1])
    expect(await ada.get(`/projects/${project}/files?latest=true`)).toMatchObject({ total: 1 })
    expect(
      (await ada.call('POST', `/files/${first.id}/approval`, { approval: 'approved' })).body.file,
    ).toMatchObject({
      approval: 'approved',
      approved_by: ada.id,
    })
    await system.database.asOwner(sql`update public.project_files set fps = 25 where id = ${first.id}`)
    expect(
      (await ben.call('POST', `/files/${first.id}/comments`, { frame: 1_510, body: 'Too dark' })).status,
    ).toBe(201)
    const { comments } = await ada.get(`/files/${first.id}/comments`)
    expect(comments).toMatchObject([
      { frame: 1_510, timecode: '00:01:00:10', author_name: 'ben', body: 'Too dark' },
    ])
    const edit = (person: Person, body: object) =>
      system.request(`/rest/v1/file_comments?id=eq.${comments[0].id}`, {
        method: 'PATCH',
        headers: { authorization: `Bearer ${person.token}` },
        body,
      })
    expect((await edit(ada, { body: 'Perfect' })).body.code).toBe('comment_not_yours')
    expect((await edit(ada, { resolved_at: '2026-01-15T12:00:00Z' })).status).toBe(204)
  })

  it('are opened to guests by a link, until it expires or is revoked', async () => {
    const made = await ada.call('POST', `/projects/${project}/review-links`, { hours: 1 })
    expect(made.status).toBe(201)
    const { id, token } = made.body
    const open = () => call('GET', `/reviews/${token}`)
    const opened = await open()
    expect(opened).toMatchObject({
      status: 200,
      body: { project: { name: 'Night Train' }, canComment: true },
    })
    const [file] = opened.body.files
    expect(file.storage_path).toBeUndefined()
    const watched = new URL(file.url)
    expect((await system.request(watched.pathname.replace('/eyemotion', '') + watched.search)).status).toBe(
      200,
    )
    const say = (fileId: string) =>
      call('POST', `/reviews/${token}/comments`, { fileId, frame: 3, name: 'Client', body: 'Nice' })
    expect((await say(file.id)).status).toBe(201)
    expect(await say(ada.id)).toMatchObject({ status: 404, body: { code: 'file_not_found' } })
    const other = (await ada.call('POST', `/projects/${project}/review-links`, { canComment: false })).body
    expect(
      await call('POST', `/reviews/${other.token}/comments`, { fileId: file.id, name: 'C', body: 'x' }),
    ).toMatchObject({ status: 403 })
    system.clock.advance(3_600_001)
    expect(await open()).toMatchObject({ status: 404, body: { code: 'review_link_over' } })
    expect((await ada.call('DELETE', `/projects/${project}/review-links/${other.id}`)).body).toEqual({
      revoked: true,
    })
    expect((await call('GET', `/reviews/${other.token}`)).status).toBe(404)
    expect((await ada.call('DELETE', `/projects/${project}/review-links/${id}`)).status).toBe(200)
  })

  it('E-X2 are exported into eyemotion-exports, and counted', async () => {
    const made = await ada.call('POST', `/projects/${project}/exports`, {})
    expect(made.status).toBe(201)
    const url = new URL(made.body.downloadUrl)
    const document = await system.request(url.pathname.replace('/eyemotion', '') + url.search)
    expect(document.body).toMatchObject({ project: { id: project }, files: [{}, {}], comments: [{}, {}] })
    expect((await ada.get(`/projects/${project}`)).project.export_count).toBe(1)
  })

  it('archived take nothing new; E-N2 storageEnabled switches uploads and downloads off', async () => {
    const old = await create(ada, 'Old')
    await ada.call('PUT', `/projects/${old}`, { status: 'archived' })
    const ask = { projectId: old, fileName: 'x', fileSize: 1, fileType: 'video/mp4' }
    expect((await ada.call('POST', '/files/upload-url', ask)).body.code).toBe('project_archived')
    const { files } = await ada.get(`/projects/${project}/files`)
    await setFlags({ storageEnabled: false })
    for (const [method, path, body] of [
      ['POST', '/files/upload-url', { ...ask, projectId: project }],
      ['GET', `/files/${files[0].id}/download`, undefined],
      ['POST', `/files/${files[0].id}/confirm`, undefined],
      ['POST', `/projects/${project}/exports`, {}],
    ] as const)
      expect(await ada.call(method, path, body)).toMatchObject({ status: 503, body: { code: 'feature_off' } })
    const direct = await system.request(`/storage/v1/object/eyemotion-uploads/${ada.id}/a.bin`, {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.token}` },
      body: new Uint8Array(3),
    })
    expect(direct.status).toBe(403)
    await setFlags({})
  })

  it('E-X3 are reached by an API key of the user within its permissions', async () => {
    const made = await system.request('/keys/v1', {
      method: 'POST',
      headers: { authorization: `Bearer ${ada.token}` },
      body: { name: 'Edit suite', permissions: ['projects:read'] },
    })
    expect(made.status).toBe(200)
    const { key } = made.body.data
    const asKey = (method: string, path: string, body?: object) =>
      call(method, path, body, { headers: { 'x-api-key': key } })
    expect(await asKey('GET', '/projects')).toMatchObject({
      status: 200,
      body: { total: expect.any(Number) },
    })
    expect((await asKey('POST', '/projects', { name: 'By key' })).status).toBe(403)
    expect((await asKey('GET', '/auth/me')).status).toBe(403)
    expect((await call('GET', '/projects', undefined, { as: 'service' })).body.code).toBe('user_required')
  })
})

describe('the operator', () => {
  it('E-D1 dashboard, E-D2 users, E-D4 system: for admins alone', async () => {
    for (const path of [
      '/admin/dashboard',
      '/admin/users',
      '/admin/analytics/financial',
      '/admin/system',
      '/admin/activity',
    ]) {
      expect((await ada.call('GET', path)).status).toBe(403)
      expect((await call('GET', path)).status).toBe(401)
      expect((await root.call('GET', path)).status).toBe(200)
    }
    expect(await root.get('/admin/users?search=ada%40&limit=1')).toMatchObject({
      total: 1,
      limit: 1,
      users: [{ id: ada.id, email: ada.email, plan: 'freemium' }],
    })
    expect((await root.get('/admin/users?search=%25')).total).toBe(0)
    expect(await root.get('/admin/users?role=super_admin')).toMatchObject({ total: 1 })
    expect(await root.get('/admin/dashboard')).toMatchObject({ users: { suspended: 0 }, currency: 'thb' })
    expect((await root.get('/admin/system')).health.components.length).toBeGreaterThan(5)
  })

  it('gives credits with a reason once per key, and every change is in the activity with its origin (E-X4)', async () => {
    const give = (person: Person) =>
      person.call('POST', `/admin/users/${ben.id}/credits`, {
        key: 'sorry',
        credits: 500,
        reason: 'an outage',
      })
    expect((await give(ada)).status).toBe(403)
    const before = (await ben.get('/credits')).available
    await give(root)
    expect((await give(root)).body.available).toBe(before + 500)
    const returned = await root.call('POST', `/admin/usage/${ben.id}/return`, { reason: 'an outage' })
    expect(returned).toMatchObject({ status: 404, body: { code: 'usage_not_found' } })
    const { activity } = await root.get('/admin/activity?action=admin.credits')
    expect(activity[0]).toMatchObject({
      user_id: root.id,
      resource_id: ben.id,
      details: { credits: 500, reason: 'an outage' },
      session_id: expect.any(String),
    })
    const registered = (await root.get(`/admin/activity?action=auth.register&user=${ada.id}`)).activity[0]
    expect(registered).toMatchObject({ user_agent: 'tests', ip_address: expect.any(String) })
  })

  it('suspends and reinstates; a suspended user sees nothing and gets no session', async () => {
    const eve = await register('eve')
    const suspend = (by: Person, id: string) =>
      by.call('POST', `/admin/users/${id}/suspend`, { reason: 'fraud' })
    expect((await suspend(root, root.id)).body.code).toBe('not_yourself')
    expect((await suspend(root, eve.id)).status).toBe(200)
    expect(await eve.get('/projects')).toMatchObject({ total: 0 })
    expect((await eve.call('POST', '/projects', { name: 'No' })).status).toBeGreaterThanOrEqual(400)
    expect((await call('POST', '/auth/signin', { email: eve.email, password })).status).toBe(403)
    expect((await call('POST', '/auth/refresh', { refreshToken: eve.refreshToken })).status).toBe(400)
    await root.call('POST', `/admin/users/${eve.id}/reinstate`)
    expect((await call('POST', '/auth/signin', { email: eve.email, password })).status).toBe(200)
    await makeAdmin(eve)
    expect((await suspend(eve, root.id)).body.code).toBe('admin_required')
    expect((await eve.call('POST', `/admin/users/${ada.id}/role`, { role: 'admin' })).status).toBe(403)
    expect((await root.call('POST', `/admin/users/${eve.id}/role`, { role: 'user' })).status).toBe(200)
    expect(
      (
        await root.call('POST', `/admin/users/${'0'.repeat(8)}-0000-4000-8000-${'0'.repeat(12)}/suspend`, {
          reason: 'fraud',
        })
      ).body.code,
    ).toBe('user_not_found')
  })

  it('E-N2 backupEnabled switches backups off; they are for the service key alone', async () => {
    await setFlags({ backupEnabled: false })
    expect(await call('POST', '/backups', {}, { as: 'service' })).toMatchObject({
      status: 503,
      body: { code: 'feature_off' },
    })
    await setFlags({})
    for (const [method, body] of [
      ['POST', {}],
      ['GET', undefined],
    ] as const)
      expect((await root.call(method, '/backups', body)).status).toBe(403)
  })

  it('E-N2 analyticsEnabled switches the figures off', async () => {
    await setFlags({ analyticsEnabled: false })
    for (const path of ['/admin/dashboard', '/admin/analytics/financial'])
      expect(await root.call('GET', path)).toMatchObject({ status: 503, body: { code: 'feature_off' } })
    await setFlags({})
  })
})

describe('the system', () => {
  it('E-S1 health: a word for each part, for whoever asks; a missing Stripe key is a warning (E-H1)', async () => {
    const answer = await system.request(`/functions/v1${base}/health`)
    expect(answer).toMatchObject({
      status: 200,
      body: {
        status: 'warning',
        service: 'eyemotion-backend',
        version: '1.0.0',
        environment: 'production',
        database: 'healthy',
        uptime: expect.any(Number),
        components: {
          database: { status: 'healthy' },
          auth: {},
          kv: {},
          storage: {},
          payments: { status: 'warning' },
        },
      },
    })
    expect(answer.body.components.database.milliseconds).toBeUndefined()
  })

  it('E-S2 database, E-S3 storage, E-S4 plans (E-N1), E-S5 complete: by the service key, again and again, until complete', async () => {
    const init = (what: string, body: object = {}, as: 'service' | 'anon' = 'service') =>
      call('POST', `/init/${what}`, body, { as })
    expect((await init('plans', {}, 'anon')).status).toBe(403)
    expect((await ada.call('POST', '/init/plans', {})).status).toBe(403)
    for (let round = 0; round < 2; round += 1) {
      expect((await init('database')).body).toMatchObject({ row_security: true })
      expect((await init('storage')).body.buckets).toHaveLength(4)
      expect((await init('plans', { prices: { pro: 'price_real' } })).body.plans).toHaveLength(4)
    }
    await system.database.asOwner(sql`select plinth.kv_delete(array['features'])`)
    expect((await init('complete')).status).toBe(200)
    for (const what of ['database', 'storage', 'plans', 'complete'])
      expect(await init(what)).toMatchObject({ status: 409, body: { code: 'already_initialized' } })
    expect((await init('complete', { force: true })).status).toBe(200)
    // A price that was set stays.
    expect(
      (
        await system.request(
          '/rest/v1/subscription_plans?select=name,price,credits_included,storage_gb,stripe_price_id&order=price',
        )
      ).body,
    ).toEqual([
      { name: 'freemium', price: 0, credits_included: 100, storage_gb: 1, stripe_price_id: null },
      {
        name: 'creator',
        price: 29_900,
        credits_included: 1_000,
        storage_gb: 5,
        stripe_price_id: 'price_creator_monthly_thb',
      },
      { name: 'pro', price: 99_900, credits_included: 5_000, storage_gb: 50, stripe_price_id: 'price_real' },
      {
        name: 'studio',
        price: 299_900,
        credits_included: 20_000,
        storage_gb: 500,
        stripe_price_id: 'price_studio_monthly_thb',
      },
    ])
    const features = await value(sql`select plinth.kv_get('features')`)
    const five = ['authEnabled', 'paymentsEnabled', 'storageEnabled', 'analyticsEnabled', 'backupEnabled']
    expect(features).toEqual(Object.fromEntries(five.map((name) => [name, true])))
  })

  it('E-K1, AT-45: the seven operations, with a literal prefix and answers in order', async () => {
    const { kvOffer } = await import('@plinth/platform/kv')
    const kv = system.project.offer(kvOffer)
    await kv.set('a_b%1', 1)
    await kv.mset({ 'a_b%2': 2, aXbY3: 3 })
    expect(await kv.get('a_b%1')).toBe(1)
    expect(await kv.mget(['aXbY3', 'none', 'a_b%1'])).toEqual([3, null, 1])
    expect(await kv.getByPrefix('a_b%')).toEqual([
      { key: 'a_b%1', value: 1 },
      { key: 'a_b%2', value: 2 },
    ])
    expect(await kv.del('a_b%1')).toBe(true)
    expect(await kv.mdel(['a_b%2', 'aXbY3', 'none'])).toBe(2)
  })

  it('E-T2: the values of the requirement', async () => {
    expect(await value(sql`select enum_range(null::public.subscription_status)::text`)).toBe(
      '{active,cancelled,past_due,trialing,incomplete}',
    )
    expect(await value(sql`select enum_range(null::public.processing_status)::text`)).toBe(
      '{pending,pending_upload,uploaded,processing,ready,error}',
    )
    expect(await value(sql`select enum_range(null::public.transaction_status)::text`)).toBe(
      '{pending,completed,failed,refunded,cancelled}',
    )
    expect(await value(sql`select enum_range(null::public.project_type)::text`)).toBe(
      '{feature_film,short_film,commercial,music_video,documentary,social_media,other}',
    )
    expect(
      await value(sql`select array[p.country, s.currency] from public.user_profiles p, public.subscription_plans s
        where p.id = ${ada.id} and s.name = 'pro'`),
    ).toEqual(['Thailand', 'thb'])
  })

  it('E-T1: activity is kept in a partition a month for 90 days', async () => {
    const now = system.clock.now()
    const at = (days: number) => new Date(now.getTime() - days * 86_400_000)
    await system.database.asOwner(sql`insert into public.activity_logs (action, created_at)
      select 'old', t from unnest(${[at(200), at(91), at(89)]}::timestamptz[]) t`)
    await system.jobs.run('keep-activity')
    expect(
      await value(
        sql`select array_agg(created_at > ${at(90)}) from public.activity_logs where action = 'old'`,
      ),
    ).toEqual([true])
    await system.jobs.run('keep-activity')
    const partitions = await value<number>(
      sql`select count(*)::int from pg_inherits where inhparent = 'public.activity_logs'::regclass`,
    )
    expect(partitions).toBeGreaterThanOrEqual(4)
  })
})

describe('a user who goes (E-X1, AT-39)', () => {
  it('takes everything along but what was paid and burned, which is nobody’s then', async () => {
    const zoe = await register('zoe')
    const project = (await zoe.call('POST', '/projects', { name: 'Last' })).body.project.id
    await upload(zoe, project, 'last.bin', new Uint8Array(1_000))
    expect((await zoe.get('/auth/export')).projects).toHaveLength(1)
    expect((await zoe.call('DELETE', '/auth/account', { password: 'wrong' })).status).toBe(400)
    system.clock.advance(11 * 60_000)
    // Who signed up by a provider has no password: they sign in once more.
    expect(await zoe.call('DELETE', '/auth/account', {})).toMatchObject({
      status: 403,
      body: { code: 'sign_in_again' },
    })
    expect((await zoe.call('DELETE', '/auth/account', { password })).body).toEqual({ deleted: true })
    expect(
      await value(sql`select jsonb_build_object('users', (select count(*) from auth.users where id = ${zoe.id}),
        'profiles', (select count(*) from public.user_profiles where id = ${zoe.id}),
        'projects', (select count(*) from public.projects where id = ${project}),
        'objects', (select count(*) from storage.objects where name like ${`${zoe.id}/%`}),
        'pools', (select count(*) from plinth.pools where thing = ${zoe.id}))`),
    ).toEqual({ users: 0, profiles: 0, projects: 0, objects: 0, pools: 0 })
    expect(
      await value(sql`select count(*)::int from public.credits_usage where user_id is null`),
    ).toBeGreaterThan(0)
    expect((await call('POST', '/auth/signin', { email: zoe.email, password })).status).toBe(400)
  })
})
