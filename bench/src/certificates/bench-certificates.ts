import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Certificates, courses } from '@plinth/courses'
import { newDatabaseSecrets, type ProjectDatabase, serviceCaller } from '@plinth/platform/database'
import { declareJobs, migrateJobQueue } from '@plinth/platform/jobs'
import { createLog, newKey, systemClock } from '@plinth/platform/kernel'
import { openProject, readProjectMigrations } from '@plinth/platform/project'
import type { CallerFiles } from '@plinth/platform/storage'
import { alone, type Figure, median } from '../figure.ts'
import { openBenchDatabase } from '../open-bench-database.ts'

const people = 1_000
const batch = 200
const printed = 40
const verified = 200

const by = serviceCaller('bench')

/** Certificates: signed and logged in batches, printed and stored, and verified from the database. */
export async function* benchCertificates(): AsyncIterable<Figure> {
  const opened = await openCourses()
  try {
    const { certificates, files } = opened
    const ids: string[] = []
    const first = await seconds(async () => ids.push(...(await certificates.issue({ by, limit: batch }))))
    const logged = await seconds(async () => {
      for (let made = -1; made !== 0; ) {
        const next = await certificates.issue({ by, limit: batch })
        ids.push(...next)
        made = next.length
      }
    })
    if (ids.length !== people) throw new Error(`${ids.length} of ${people} certificates were issued`)
    yield alone(
      `certificates signed and logged, ${batch} at a time`,
      (people - batch) / logged,
      'certificates/s',
      '≥ 200',
    )
    yield alone('the first batch, on a log without leaves', batch / first, 'certificates/s', null)

    const times: number[] = []
    for (const id of ids.slice(0, verified))
      times.push(1_000 * (await seconds(() => certificates.show({ id }))))
    yield alone('a certificate verified: record, signature, log, status; median', median(times), 'ms', '< 5')

    const bucket = files.bucket('certificates')
    await certificates.print(await certificates.show({ id: ids[0]! }))
    const printing = await seconds(async () => {
      for (const id of ids.slice(0, printed)) {
        const shown = await certificates.show({ id })
        await bucket.upload(`${id}/v1.pdf`, await certificates.print(shown), {
          contentType: 'application/pdf',
        })
        await certificates.printed(shown)
      }
    })
    // What one costs altogether: its share of a batch, and its PDF.
    const each = logged / (people - batch) + printing / printed
    yield alone('certificates with their PDF, stored', 1 / each, 'certificates/s', '≥ 20')

    const audit = await seconds(() => certificates.audit())
    yield alone(`all ${people} compared with what was signed`, people / audit, 'certificates/s', null)
  } finally {
    await opened.close()
  }
}

async function seconds(work: () => Promise<unknown>): Promise<number> {
  const start = performance.now()
  await work()
  return (performance.now() - start) / 1_000
}

async function openCourses() {
  const [, ...sets] = await readProjectMigrations(courses)
  const opened = await openBenchDatabase(
    courses.name,
    sets.map((set) => Promise.resolve(set)),
  )
  const { database } = opened
  await migrateJobQueue(database.addresses.ownerDirect)
  const dataDir = await mkdtemp(join(tmpdir(), 'plinth-bench-courses-'))
  const project = await openProject({
    system: courses,
    addresses: database.addresses,
    secrets: { keysFile: join(dataDir, 'keys.json'), database: newDatabaseSecrets(), sealingKey: newKey() },
    logicalReplication: false,
    dataDir,
    environment: {},
    url: 'http://127.0.0.1/courses',
    redisUrl: undefined,
    clock: systemClock,
    log: createLog('error'),
  })
  await declareJobs(database, project.jobDefinitions, systemClock)
  await seed(database)
  const scope = { db: { caller: by }, clock: systemClock, log: createLog('error') } as never
  const context = project.extendContext(scope) as { certificates: Certificates; files: CallerFiles }
  return {
    certificates: context.certificates,
    files: context.files,
    close: async () => {
      await project.close()
      await opened.close()
      await rm(dataDir, { recursive: true, force: true })
    },
  }
}

async function seed(database: ProjectDatabase): Promise<void> {
  const text = await readFile(new URL('seed.sql', import.meta.url), 'utf8')
  await database.asOwner({ text, values: [people] })
  await database.asOwner({ text: 'analyze' })
}
