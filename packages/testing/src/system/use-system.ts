import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Caller, type ProjectAddresses, type ProjectDatabase, sql } from '@plinth/platform/database'
import { createApp, createProjectDirectory } from '@plinth/platform/http'
import { declareJobs, type RanJob, runDueJobs } from '@plinth/platform/jobs'
import { silentLog } from '@plinth/platform/kernel'
import { openProject, type Project, readProjectMigrations } from '@plinth/platform/project'
import type { SystemDeclaration } from '@plinth/platform/system'
import { afterAll, beforeAll } from 'vitest'
import { createFakeClock, type FakeClock } from '../fake-clock.ts'
import { clusterAddress, createTestDatabase, testSecrets } from '../test-database.ts'
import { waitFor } from '../wait-for.ts'

/** Who asks: an actor of the test, or a holder of one of the project's two keys. Default `anon`. */
export type Asker = (Caller & { readonly userId: string }) | 'anon' | 'service'

export interface RequestInput {
  readonly method?: string
  readonly as?: Asker
  readonly headers?: Readonly<Record<string, string>>
  /** Sent as JSON, unless it is a text or bytes. */
  readonly body?: unknown
}

/** What came back, with its body as JSON where it is JSON. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  // biome-ignore lint/suspicious/noExplicitAny: tests look at whatever came
  readonly body: any
}

export interface UseSystemOptions {
  /** Follows the stream of changes, with the journal and whatever else consumes it. Default false: it takes a second. */
  readonly stream?: boolean
  /** With `stream`: jobs run as they come, as in a server, and not only when the test asks. Default false. */
  readonly runner?: boolean
  /** Where the fake clock stands at first. Default 2026-01-15T12:00:00Z. */
  readonly now?: string
  /** Settings as the environment gives them: `{ PLINTH_SHOPS_AUTH_SIGN_UPS: 'false' }`. */
  readonly environment?: Readonly<Record<string, string>>
}

/** A system as its clients meet it, on a database of the test file's own. Filled before the first test runs. */
export interface TestSystem {
  readonly project: Project
  readonly database: ProjectDatabase
  readonly addresses: ProjectAddresses
  readonly clock: FakeClock
  /** A request below the project's address, through the real surfaces: keys, tokens, limits and errors included. */
  request(path: string, input?: RequestInput): Promise<Answer>
  /** Answers requests as the server would: for a test that serves the system on a port. */
  fetch(request: Request, env?: object): Response | Promise<Response>
  /** Calls a function by POST. */
  call(name: string, body?: unknown, input?: Omit<RequestInput, 'body'>): Promise<Answer>
  /** Makes accounts for these people; those that exist stay. */
  signUp(...people: readonly (Caller & { readonly userId: string })[]): Promise<void>
  readonly jobs: {
    /** Queues what is due by the fake clock, runs everything that waits, and gives what ran. */
    runDue(): Promise<RanJob[]>
    /** Runs one job now, and whatever it queues for now. Fails when it fails. */
    run(name: string, payload?: unknown): Promise<void>
  }
}

/** Opens a system on a database of its own for the test file. */
export function useSystem(system: SystemDeclaration, options: UseSystemOptions = {}): TestSystem {
  let made: OpenTestSystem | undefined
  beforeAll(async () => {
    made = await openTestSystem(system, options)
  })
  afterAll(async () => {
    await made?.close()
  })
  const present = () => {
    if (!made) throw new Error('The system exists only while tests of the file run.')
    return made
  }
  return {
    get project() {
      return present().project
    },
    get database() {
      return present().database
    },
    get addresses() {
      return present().addresses
    },
    get clock() {
      return present().clock
    },
    get jobs() {
      return present().jobs
    },
    request: (path, input) => present().request(path, input),
    fetch: (request, env) => present().fetch(request, env),
    call: (name, body, input) => present().call(name, body, input),
    signUp: (...people) => present().signUp(...people),
  }
}

export interface OpenTestSystem extends TestSystem {
  close(): Promise<void>
}

/** As {@link useSystem}, for a test that closes it itself. */
export async function openTestSystem(
  system: SystemDeclaration,
  { stream = false, runner = false, now, environment = {} }: UseSystemOptions = {},
): Promise<OpenTestSystem> {
  const clock = createFakeClock(now)
  const dataDir = await mkdtemp(join(tmpdir(), 'plinth-system-'))
  const sets = await readProjectMigrations(system)
  const test = await createTestDatabase({ system: system.name, migrations: sets.slice(1), queue: true })
  const drop = async () => {
    await test.drop()
    await rm(dataDir, { recursive: true, force: true })
  }
  const project = await openProject({
    system,
    addresses: test.addresses,
    cluster: { url: clusterAddress(), directUrl: clusterAddress() },
    secrets: { keysFile: join(dataDir, 'keys.json'), database: testSecrets, sealingKey: Buffer.alloc(32, 7) },
    logicalReplication: stream,
    dataDir,
    environment,
    url: `http://plinth.test/${system.name}`,
    redisUrl: undefined,
    clock,
    log: silentLog,
  }).catch(async (error: unknown) => {
    await drop()
    throw error
  })
  await declareJobs(test.database, project.jobDefinitions, clock)
  if (stream) {
    await project.start({ jobs: runner })
    // The slot waits for every transaction of the cluster; what a test writes before it is there would never be followed.
    await waitFor(() => project.tail.holds(), { timeout: 60_000, what: 'the stream' })
  }
  const directory = createProjectDirectory([project])
  const app = createApp({ directory, health: [], clock, log: silentLog })

  async function request(path: string, input: RequestInput = {}): Promise<Answer> {
    const { method = 'GET', as = 'anon', headers = {}, body } = input
    const sent = body === undefined ? {} : { body: encode(body) }
    const type = body === undefined ? {} : { 'content-type': contentTypeOf(body) }
    const credentials = await credentialsOf(project, as, clock)
    const answer = await app.request(`http://plinth.test/${system.name}${path}`, {
      method,
      headers: { ...credentials, ...type, ...headers },
      ...sent,
    })
    return { status: answer.status, headers: answer.headers, body: await readBody(answer) }
  }

  const runDue = () =>
    runDueJobs({
      database: test.database,
      jobs: project.jobDefinitions,
      extendContext: project.extendContext,
      errors: system.errors,
      clock,
      log: silentLog,
    })
  return {
    project,
    database: test.database,
    addresses: test.addresses,
    clock,
    request,
    fetch: (given, env) => app.fetch(given, env),
    call: (name, body = {}, input = {}) =>
      request(`/functions/v1/${name}`, { method: 'POST', ...input, body }),
    signUp: async (...people) => {
      for (const { userId, claims } of people)
        await test.database.asOwner(
          sql`insert into auth.users (id, email) values (${userId}, ${claims.email}) on conflict do nothing`,
        )
    },
    jobs: {
      runDue,
      run: async (name, payload) => {
        await project.jobs.add(name, payload)
        const failed = (await runDue()).find(({ error }) => error !== null)
        if (failed) throw new Error(`${failed.job}: ${failed.error}`)
      },
    },
    close: async () => {
      await project.close()
      await drop()
    },
  }
}

const hour = 3_600

async function credentialsOf(
  { keys }: Project,
  as: Asker,
  clock: FakeClock,
): Promise<Record<string, string>> {
  if (as === 'service') return { apikey: keys.serviceRoleKey, authorization: `Bearer ${keys.serviceRoleKey}` }
  if (as === 'anon') return { apikey: keys.anonKey }
  const seconds = Math.floor(clock.now().getTime() / 1000)
  const token = await keys.sign({ ...as.claims, iat: seconds, exp: seconds + hour })
  return { apikey: keys.anonKey, authorization: `Bearer ${token}` }
}

const isRaw = (body: unknown): body is string | Uint8Array =>
  typeof body === 'string' || body instanceof Uint8Array

const encode = (body: unknown) =>
  isRaw(body) ? (body as string | Uint8Array<ArrayBuffer>) : JSON.stringify(body)

const contentTypeOf = (body: unknown): string =>
  typeof body === 'string' ? 'text/plain' : isRaw(body) ? 'application/octet-stream' : 'application/json'

async function readBody(answer: Response): Promise<unknown> {
  const isJson = /\bjson\b/.test(answer.headers.get('content-type') ?? '')
  const text = await answer.text()
  return isJson && text !== '' ? JSON.parse(text) : text
}
