import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from '@plinth/platform/database'
import { leafHash, openHead, verifyConsistency, verifyInclusion } from '@plinth/platform/merkle-log'
import { privacyOffer } from '@plinth/platform/privacy'
import type { CallerFiles } from '@plinth/platform/storage'
import { asSuperuser } from '@plinth/testing'
import { type Browser, openBrowser, type Page } from '@plinth/testing/browser'
import { findBrowser } from '@plinth/testing/programs'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { CertificateBundle } from '../certificates/credential/bundle.ts'
import type { Certificates } from '../certificates/index.ts'
import { readCertificateFile, verifyCertificate } from '../certificates/page/verify.js'
import { courses } from '../system.ts'
import {
  admin,
  makeEvent,
  oneOf,
  type Person,
  people,
  realTime,
  register,
  rowsOf,
  staff,
} from './open-courses.ts'

const school = useSystem(courses, realTime)
const call = '/functions/v1/generate-certificate'

beforeAll(() => staff(school))

/** An event that is over, with these people in it for so many minutes each. */
async function heldEvent(
  attendees: readonly Person[],
  minutes: number,
  more: object = {},
): Promise<readonly string[]> {
  const event = await makeEvent(school, { more })
  const registrations: string[] = []
  for (const person of attendees) registrations.push((await register(school, event, person)).registration_id)
  await endEvent(event)
  if (minutes > 0)
    await school.database.asOwner(sql`
      insert into public.session_attendance (registration_id, event_id, user_id, check_in_time, check_out_time, duration_minutes, closed_by)
      select r.id, e.id, r.user_id, e.starts_at, e.starts_at + make_interval(mins => ${minutes}), ${minutes}, 'self'
      from public.registrations r join public.events e on e.id = r.event_id where e.id = ${event}`)
  return registrations
}

const endEvent = (event: string) =>
  school.database.asOwner(sql`
    update public.events set starts_at = date_trunc('minute', now()) - interval '5 hours', ends_at = date_trunc('minute', now()) - interval '3 hours'
    where id = ${event}`)

const issue = (registrationId: string | undefined, as: Person | 'service' | 'anon') =>
  school.call('generate-certificate', { registrationId }, { as })
const ofRegistration = async (registration: string) =>
  (
    await rowsOf<CertificateRow>(
      school,
      sql`select * from public.certificates where registration_id = ${registration}`,
    )
  )[0]!
const publicView = (token: string) => school.request(`${call}?token=${token}`)
const fileOf = async (token: string): Promise<CertificateBundle> =>
  (await school.request(`/functions/v1/certificate-file?type=json&token=${token}`)).body
const statusList = async (purpose = 'revocation'): Promise<string> =>
  (await school.request(`/functions/v1/certificate-status?purpose=${purpose}`)).body
const issuerOf = async (): Promise<string> =>
  (await school.request('/functions/v1/certificate-log')).body.issuer
const manage = (action: 'revoke' | 'reissue', body: object, as: Person | 'service' = admin) =>
  school.call(`${action}-certificate`, body, { as })

/** What handlers are given, for what no function gives away. */
interface Context {
  readonly files: CallerFiles
  readonly certificates: Certificates
}
const contextOf = () =>
  school.project.extendContext({
    db: { caller: { role: 'service_role', claims: { role: 'service_role' } } },
  } as never) as Context

interface CertificateRow {
  readonly id: string
  readonly certificate_number: string
  readonly verification_token: string
  readonly blockchain_hash: string
  readonly pdf_url: string | null
  readonly revoked_at: Date | null
}

describe('issuing', () => {
  it('C-F5 a certificate is issued once its event is over, paid and attended, to nobody else, and once', async () => {
    const [ada, ben, eve] = (await people(school, 'issue', 3)) as [Person, Person, Person]
    const event = await makeEvent(school, { more: { min_attendance_minutes: 60 } })
    const mine = (await register(school, event, ada)).registration_id
    const short = (await register(school, event, ben)).registration_id
    expect((await issue(mine, ada)).body).toMatchObject({
      success: false,
      code: 'certificate_not_due',
      reason: 'not_completed',
    })
    await endEvent(event)
    expect((await issue(mine, ada)).body).toMatchObject({ code: 'certificate_not_due', reason: 'attendance' })
    await school.database.asOwner(sql`
      insert into public.session_attendance (registration_id, event_id, user_id, check_in_time, check_out_time, duration_minutes, closed_by)
      select r.id, e.id, r.user_id, e.starts_at, e.starts_at + case when r.id = ${mine} then interval '61 minutes' else interval '59 minutes' end, 1, 'self'
      from public.registrations r join public.events e on e.id = r.event_id where e.id = ${event}`)
    // Twice at the same instant, and once more: one certificate.
    const answers = [...(await Promise.all([issue(mine, ada), issue(mine, ada)])), await issue(mine, ada)]
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(new Set(answers.map(({ body }) => body.certificate.certificate_number)).size).toBe(1)
    const row = await ofRegistration(mine)
    expect(row.certificate_number).toMatch(/^CERT-\d{4}-[0-9A-HJKMNP-TV-Z]{5}-[0-9A-HJKMNP-TV-Z]{5}$/)
    expect(row.verification_token).toMatch(/^[0-9a-f]{32}$/)
    expect((await issue(short, ben)).body).toMatchObject({
      code: 'certificate_not_due',
      reason: 'attendance',
    })
    expect(await issue(mine, eve)).toMatchObject({ status: 404, body: { code: 'registration_not_found' } })
    expect((await issue(undefined, ada)).status).toBe(404)
    expect((await issue(mine, 'anon')).status).toBe(401)
    const listed = await school.request(call, { as: ada })
    expect(listed.body.certificates).toMatchObject([
      {
        certificate_number: row.certificate_number,
        verification_token: row.verification_token,
        event: { id: event },
      },
    ])
    expect((await school.request(call, { as: eve })).body.certificates).toEqual([])
    const told = await rowsOf<{ type: string }>(
      school,
      sql`select type::text from public.notifications_queue where user_id = ${ada.userId} and template = 'certificate-issued' order by type`,
    )
    expect(told.map(({ type }) => type)).toEqual(['email', 'in_app'])
  })

  it('C-J5 C-M4 the hourly job issues to everybody who is due, and prints; who is not paid or was refunded gets none', async () => {
    const attendees = await people(school, 'hourly', 5)
    const registrations = await heldEvent(attendees, 100)
    await school.database.asOwner(
      sql`update public.registrations set cancelled_at = plinth.now() where id = ${registrations[0]!}`,
    )
    await school.jobs.run('generate-certificates')
    const rows = await rowsOf<CertificateRow>(
      school,
      sql`select * from public.certificates where registration_id = any (${registrations}) order by issued_at`,
    )
    expect(rows).toHaveLength(4)
    expect(rows.every(({ pdf_url }) => pdf_url?.includes('/certificate-file?token='))).toBe(true)
    await school.jobs.run('generate-certificates')
    expect(
      await oneOf(
        school,
        sql`select count(*)::int as answer from public.certificates where registration_id = any (${registrations})`,
      ),
    ).toBe(4)
    expect(await oneOf(school, sql`select certificates::int as answer from private.course_figures()`)).toBe(
      100,
    )
  })

  it('a whole class that asks at the same instant is served in a few appends', async () => {
    const attendees = await people(school, 'class', 9)
    const registrations = await heldEvent(attendees, 100)
    const heads = sql`select count(*)::int as answer from plinth.merkle_heads`
    const before = await oneOf<number>(school, heads)
    const answers = await Promise.all(attendees.map((person, at) => issue(registrations[at]!, person)))
    expect(new Set(answers.map(({ body }) => body.certificate.status))).toEqual(new Set(['valid']))
    expect((await oneOf<number>(school, heads)) - before).toBeLessThan(9)
  })

  it('C-T3 blockchain_hash is the leaf of the log, whose signed head and proofs anybody can follow', async () => {
    const [kim] = await people(school, 'leaf', 1)
    const [registration] = await heldEvent([kim!], 100)
    const before = (await school.request('/functions/v1/certificate-log')).body
    await issue(registration!, kim!)
    const row = await ofRegistration(registration!)
    const bundle = await fileOf(row.verification_token)
    const leaf = leafHash(Buffer.from(bundle.credential))
    expect(row.blockchain_hash).toBe(leaf.toString('hex'))
    const { verifier } = contextOf().certificates.log.identity
    const former = openHead(before.checkpoint, verifier)!
    const seen = (
      await school.request(
        `/functions/v1/certificate-log?since=${former.size}&leaf=${bundle.log.index}&from=${bundle.log.index}`,
      )
    ).body
    const head = openHead(seen.checkpoint, verifier)!
    const bytes = (texts: readonly string[]) => texts.map((text) => Buffer.from(text, 'base64'))
    expect(verifyConsistency({ former, later: head, path: bytes(seen.consistency) })).toBe(true)
    expect(
      verifyInclusion({
        leaf,
        index: bundle.log.index,
        size: head.size,
        root: head.root,
        path: bytes(seen.inclusion),
      }),
    ).toBe(true)
    expect(seen.leaves[0]).toBe(leaf.toString('base64'))
    expect((await school.request('/functions/v1/certificate-log?leaf=99999')).body.code).toBe('no_such_leaf')
  })
})

describe('verifying', () => {
  let holder: Person
  let row: CertificateRow
  beforeAll(async () => {
    holder = (await people(school, 'verified', 1))[0]!
    await school.database.asOwner(
      sql`update public.profiles set full_name = 'आशा Müller' where id = ${holder.userId}`,
    )
    const [registration] = await heldEvent([holder], 110)
    await issue(registration!, holder)
    row = await ofRegistration(registration!)
  })

  it('C-O1 anybody who has the token verifies without an account, and learns nothing but what is on it', async () => {
    const { status, body } = await publicView(row.verification_token)
    expect(status).toBe(200)
    expect(Object.keys(body.certificate).sort()).toEqual([
      ...[
        'certificate_number',
        'course',
        'expires_at',
        'held_at',
        'holder',
        'issued_at',
        'issuer',
        'issuer_id',
        'pdf_url',
        'status',
      ],
      ...['valid', 'verify_url', 'version'],
    ])
    expect(body.certificate).toMatchObject({
      status: 'valid',
      valid: true,
      holder: 'आशा Müller',
      course: 'TypeScript',
      version: 1,
    })
    expect(JSON.stringify(await fileOf(row.verification_token))).not.toContain(String(holder.claims['email']))
    expect((await publicView('0'.repeat(32))).body).toMatchObject({ code: 'certificate_not_found' })
    expect((await publicView('x')).status).toBe(400)
    expect((await school.request(`/functions/v1/verify-certificate?token=${'0'.repeat(32)}`)).status).toBe(
      404,
    )
    expect((await school.request('/functions/v1/certificate-status?list=5')).status).toBe(404)
  })

  it('AT-36 a certificate verifies with nothing but its file; revoked it fails with a fresh list, and is unknown with a stale one', async () => {
    const bundle = await fileOf(row.verification_token)
    const issuers = [await issuerOf()]
    const now = school.clock.now()
    const later = new Date(now.getTime() + 25 * 3_600_000)
    expect(await verifyCertificate(bundle, { issuers, now })).toMatchObject({ state: 'valid' })
    expect(
      await manage('revoke', { certificateId: row.id, reason: 'Copied the exercises' }, holder),
    ).toMatchObject({ status: 403 })
    expect(
      (await manage('revoke', { certificateId: row.id, reason: 'Copied the exercises' })).body,
    ).toMatchObject({ success: true, status: 'revoked' })
    expect((await manage('revoke', { certificateId: row.id, reason: 'once more' })).body.code).toBe(
      'certificate_revoked',
    )
    const fresh = await statusList()
    expect(await verifyCertificate(bundle, { issuers, now, lists: [fresh] })).toMatchObject({
      state: 'revoked',
    })
    expect(await verifyCertificate(bundle, { issuers, now: later })).toMatchObject({
      state: 'unknown',
      since: expect.any(Number),
    })
    expect((await publicView(row.verification_token)).body.certificate).toMatchObject({
      status: 'revoked',
      valid: false,
    })
    const audited = await rowsOf<{ admin_id: string; new_values: { revoke_reason: string } }>(
      school,
      sql`select admin_id, new_values from public.admin_audit_logs where resource_id = ${row.id} and resource_type = 'certificates'`,
    )
    expect(audited).toMatchObject([
      { admin_id: admin.userId, new_values: { revoke_reason: 'Copied the exercises' } },
    ])
  })

  it('a certificate is issued anew under its number and address; the version before says that it was superseded', async () => {
    const old = await fileOf(row.verification_token)
    expect((await manage('reissue', { certificateId: row.id, holder: 'Asha Müller' })).body).toMatchObject({
      status: 'valid',
      version: 2,
    })
    const { certificate } = (await publicView(row.verification_token)).body
    expect(certificate).toMatchObject({
      certificate_number: row.certificate_number,
      holder: 'Asha Müller',
      version: 2,
      pdf_url: null,
    })
    const issuers = [await issuerOf()]
    const lists = [await statusList(), await statusList('refresh')]
    const now = school.clock.now()
    expect(await verifyCertificate(old, { issuers, now, lists })).toMatchObject({
      state: 'superseded',
      facts: { holder: 'आशा Müller' },
    })
    expect(
      await verifyCertificate(await fileOf(row.verification_token), { issuers, now, lists }),
    ).toMatchObject({ state: 'valid' })
    expect(
      (await school.request(`/functions/v1/certificate-file?token=${row.verification_token}`)).body.code,
    ).toBe('certificate_not_printed')
    await school.jobs.run('print-certificates')
    expect((await publicView(row.verification_token)).body.certificate.pdf_url).toContain('certificate-file')
    expect((await manage('reissue', { certificateId: '00000000-0000-4000-8000-000000000000' })).status).toBe(
      404,
    )
  })

  it('who reads while it is revoked and issued anew sees one or the other, and never a contradiction', async () => {
    const [person] = await people(school, 'raced', 1)
    const [registration] = await heldEvent([person!], 100)
    await issue(registration!, person!)
    const { id } = await ofRegistration(registration!)
    const { certificates } = contextOf()
    const seen = new Set<string>()
    let isOver = false
    const readers = [1, 2, 3].map(async () => {
      while (!isOver) seen.add((await certificates.show({ id })).verification.state)
    })
    for (let round = 0; round < 5; round += 1) {
      await manage('revoke', { certificateId: id, reason: 'A reason' }, 'service')
      await manage('reissue', { certificateId: id }, 'service')
    }
    isOver = true
    await Promise.all(readers)
    expect([...seen].filter((state) => state !== 'valid' && state !== 'revoked')).toEqual([])
  })

  it('the PDF goes to whoever has the token, carries the file that proves it, and is the same each time', async () => {
    const { files, certificates } = contextOf()
    const shown = await certificates.show({ token: row.verification_token })
    const stored = await files.bucket('certificates').read(`${row.id}/v2.pdf`)
    expect(await readCertificateFile(stored)).toMatchObject({ credential: shown.bundle.credential })
    expect((await certificates.print(shown)).equals(await certificates.print(shown))).toBe(true)
    const answer = await school.fetch(
      new Request(`http://plinth.test/courses/functions/v1/certificate-file?token=${row.verification_token}`),
    )
    expect(answer.headers.get('content-type')).toBe('application/pdf')
    expect(Buffer.from(await answer.arrayBuffer()).equals(stored)).toBe(true)
    const asHolder = await school.request(`/storage/v1/object/certificates/${row.id}/v2.pdf`, { as: holder })
    expect(asHolder.status).toBeGreaterThanOrEqual(400)
  })
})

describe('an owner of the database', () => {
  const tamper = (text: string) =>
    asSuperuser(
      school.addresses,
      `set session_replication_role = replica; ${text}; set session_replication_role = default`,
    )

  it.each([
    [
      'gives a certificate another number',
      (id: string) => `update public.certificates set certificate_number = 'CERT-FORGED' where id = '${id}'`,
    ],
    [
      'says that it was never revoked',
      (id: string) =>
        `update public.certificates set revoked_at = null, revoke_reason = null where id = '${id}'`,
    ],
    [
      'puts another statement in its place',
      (id: string) =>
        `update private.certificate_statements set statement = replace(statement, 'e', 'f') where certificate_id = '${id}' and kind = 'issued'`,
    ],
  ])('who %s is found by the next reader and by the audit', async (_what, change) => {
    const [holder] = await people(school, `tampered ${_what}`, 1)
    const [registration] = await heldEvent([holder!], 100)
    await issue(registration!, holder!)
    const row = await ofRegistration(registration!)
    await manage('revoke', { certificateId: row.id, reason: 'A reason' })
    expect(await audit()).toEqual([])
    await tamper(change(row.id))
    expect((await publicView(row.verification_token)).body.code).toMatch(
      /^(certificate_altered|log_altered)$/,
    )
    expect(await audit()).not.toEqual([])
    const health = school.project.health.find(({ name }) => name === 'courses/certificates')
    expect(await health!.check()).toMatchObject({ status: 'degraded' })
    await tamper(
      `delete from private.certificate_statements where certificate_id = '${row.id}'; delete from public.certificates where id = '${row.id}'`,
    )
    // Whoever removes all of it leaves leaves that nothing explains.
    expect((await audit()).map(({ kind }) => kind)).toEqual(['unexplained_leaf', 'unexplained_leaf'])
    await tamper(`update plinth.merkle_logs set size = size`)
    await forgive()
  })

  /** What the next case does not look at. */
  let forgiven = 0
  const audit = async () => {
    const { certificates } = contextOf()
    return (await certificates.audit()).slice(forgiven)
  }
  const forgive = async () => {
    forgiven += 2
  }

  it('who takes the key away leaves certificates that only their files prove, until they are issued again', async () => {
    const [holder] = await people(school, 'keyless', 1)
    const [registration] = await heldEvent([holder!], 100)
    await issue(registration!, holder!)
    const row = await ofRegistration(registration!)
    await tamper(
      `update private.certificate_statements set issuer = 'did:key:zLost' where certificate_id = '${row.id}'`,
    )
    expect((await publicView(row.verification_token)).body).toMatchObject({
      code: 'certificate_issuer_lost',
      issuer: 'did:key:zLost',
    })
    expect((await manage('reissue', { certificateId: row.id })).body).toMatchObject({
      status: 'valid',
      version: 2,
    })
    expect((await publicView(row.verification_token)).body.certificate).toMatchObject({
      status: 'valid',
      version: 2,
    })
    await tamper(
      `update private.certificate_statements set issuer = '${await issuerOf()}' where certificate_id = '${row.id}'`,
    )
  })

  it('who cuts the log off gets it back with the next certificate', async () => {
    const [one, two] = (await people(school, 'cut', 2)) as [Person, Person]
    const [first, second] = (await heldEvent([one, two], 100)) as [string, string]
    await issue(first, one)
    const row = await ofRegistration(first)
    const { size } = await oneOf<{ size: number }>(
      school,
      sql`select jsonb_build_object('size', size) as answer from plinth.merkle_logs`,
    )
    await tamper(`
      delete from plinth.merkle_heads where size >= ${size};
      delete from plinth.merkle_nodes where (index + 1) * (1::bigint << level) >= ${size};
      update plinth.merkle_logs set size = ${size - 1}`)
    expect((await publicView(row.verification_token)).body.code).toMatch(/log_altered|no_such_leaf/)
    expect((await issue(second, two)).body.certificate.status).toBe('valid')
    expect((await publicView(row.verification_token)).body.certificate.status).toBe('valid')
  })
})

describe('a person who is erased', () => {
  it('leaves a hash in the log, and no name', async () => {
    const [gone] = await people(school, 'erased', 1)
    const [registration] = await heldEvent([gone!], 100)
    await issue(registration!, gone!)
    await school.jobs.run('print-certificates')
    const row = await ofRegistration(registration!)
    await school.project
      .offer(privacyOffer)
      .persons.erase(gone!.userId, { settle: async () => undefined } as never)
    expect((await publicView(row.verification_token)).status).toBe(404)
    const left = await rowsOf<{ statement: string | null }>(
      school,
      sql`select statement from private.certificate_statements where certificate_id = ${row.id}`,
    )
    expect(left).toEqual([{ statement: null }])
    expect(
      await oneOf(
        school,
        sql`select count(*)::int as answer from storage.objects where bucket_id = 'certificates' and name like ${`${row.id}/%`}`,
      ),
    ).toBe(0)
  })
})

describe.skipIf(!findBrowser())('the page, in a browser without a network', () => {
  let browser: Browser
  let folder: string
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'plinth-page-'))
    browser = await openBrowser()
  })
  afterAll(async () => {
    await browser?.close()
    await rm(folder, { recursive: true, force: true })
  })

  /** Opens a file in a context that is offline; whatever it asks for beside itself fails the test. */
  async function openPage(html: string, name: string, at?: Date): Promise<Page> {
    const path = join(folder, `${name}.html`)
    await writeFile(path, html)
    const page = await (await browser.newContext({ offline: true })).newPage()
    page.on('request', (request) => {
      if (request.url() !== `file://${path}`) throw new Error(`the page asked for ${request.url()}`)
    })
    if (at) await page.clock.setFixedTime(at)
    await page.goto(`file://${path}`)
    return page
  }

  const stateOf = async (page: Page): Promise<string> => {
    await page.locator('#result[data-state]').waitFor()
    return (await page.locator('#state').textContent()) ?? ''
  }

  it('AT-36 verifies the JSON and the PDF, says “unknown since” when the list is stale, and “Revoked” by a fresh one', async () => {
    const [holder] = await people(school, 'browser', 1)
    await school.database.asOwner(
      sql`update public.profiles set full_name = '<script>alert(1)</script> आशा' where id = ${holder!.userId}`,
    )
    const [registration] = await heldEvent([holder!], 100)
    await issue(registration!, holder!)
    await school.jobs.run('print-certificates')
    const row = await ofRegistration(registration!)
    const json = await fileOf(row.verification_token)
    const { files } = contextOf()
    const pdf = await files.bucket('certificates').read(`${row.id}/v1.pdf`)
    const blank = (await school.request('/functions/v1/verify-certificate')).body as string
    const filled = (await school.request(`/functions/v1/verify-certificate?token=${row.verification_token}`))
      .body as string
    await manage('revoke', { certificateId: row.id, reason: 'A reason' })
    const revoked = await statusList()
    const forged = {
      ...json,
      credential: json.credential.replace(/.$/, (last) => (last === 'A' ? 'g' : 'A')),
    }

    const page = await openPage(blank, 'blank')
    const give = (name: string, buffer: Buffer) =>
      page.locator('#certificate').setInputFiles({ name, mimeType: 'application/octet-stream', buffer })
    await give('certificate.json', Buffer.from(JSON.stringify(json)))
    expect(await stateOf(page)).toBe('Valid')
    expect(await page.locator('#facts').textContent()).toContain('<script>alert(1)</script> आशा')
    await give('forged.json', Buffer.from(JSON.stringify(forged)))
    await page.locator('#result[data-state=invalid]').waitFor()
    await give('certificate.pdf', pdf)
    await page.locator('#result[data-state=valid]').waitFor()
    await give('other.pdf', Buffer.from('%PDF-1.7 nothing'))
    await page.locator('#result[data-state=invalid]').waitFor()
    await give('certificate.pdf', pdf)
    await page.locator('#result[data-state=valid]').waitFor()
    await page
      .locator('#lists')
      .setInputFiles({ name: 'list.jwt', mimeType: 'text/plain', buffer: Buffer.from(revoked) })
    await page.locator('#result[data-state=revoked]').waitFor()
    expect(await page.locator('#state').textContent()).toBe('Revoked')

    const saved = await openPage(filled, 'filled', new Date(Date.now() + 3 * 86_400_000))
    expect(await stateOf(saved)).toMatch(/^Status unknown since \d{4}-\d\d-\d\d \d\d:\d\d UTC$/)
    expect(await stateOf(await openPage(filled, 'today'))).toBe('Valid')
  })
})

describe('many requests', () => {
  it('of one address are limited: tokens cannot be tried out', async () => {
    const statuses: number[] = []
    for (let at = 0; at < 130 && statuses.at(-1) !== 429; at += 1)
      statuses.push((await publicView('1'.repeat(32))).status)
    expect(statuses.at(-1)).toBe(429)
    school.clock.advance(60_000)
  })
})
