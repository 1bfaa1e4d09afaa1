import { mkdir, rename } from 'node:fs/promises'
import { join } from 'node:path'
import type pg from 'pg'
import { type Clock, type Log, messageOf } from '../../kernel/index.ts'
import type { ChainHead } from '../encode-entries.ts'
import { compareWithDatabase, type DatabaseFacts } from './compare.ts'
import { createCopy, generationOf, isBehindCopy } from './copy.ts'
import { readDatabaseFacts, readPublished } from './read-database.ts'
import {
  apply,
  emptyState,
  type Finding,
  headsOf,
  type Snapshot,
  snapshotOf,
  type WitnessRecord,
  type WitnessState,
} from './records.ts'
import {
  appendSealedLines,
  firstSeal,
  look,
  readSealedLines,
  replaceSealedLines,
  type SealedContent,
  withFileLock,
} from './sealed-lines.ts'

export interface WitnessOptions {
  /** `<data folder>/journal/<system>`, shared by all nodes of one PostgreSQL. */
  readonly folder: string
  /** A second place, on another disk or machine, that gets the same lines within a second. Default none. */
  readonly copyFolder?: string | undefined
  /** Seals the lines; whoever cannot read the data folder's keys cannot write a line that holds. */
  readonly key: Buffer
  readonly clock: Clock
  readonly log: Log
  /** The file is written anew, with what it says, when it has so many lines. Default 20,000. */
  readonly mostLines?: number
}

/**
 * What was seen of the journal, kept outside the database in a file of sealed lines: where each chain ends and begins, the
 * position of the stream, gaps, archives, and what is published. Whoever can write the database, but not read the data
 * folder's keys, is found out.
 */
export interface Witness {
  /**
   * Compares the database with what was witnessed, before anything is stored on top of it; what differs is written down and
   * stays until an operator accepts it. Nobody else stores meanwhile.
   */
  takeOver(client: Pick<pg.ClientBase, 'query'>): Promise<void>
  /** A batch is about to be committed. */
  storing(from: string | null, position: string, heads: ReadonlyMap<string, ChainHead>): Promise<void>
  /** It was. Written within a second. */
  stored(): void
  /** A day is about to leave the database. */
  dropping(day: string, sha256: string, anchors: ReadonlyMap<string, ChainHead>): Promise<void>
  /** Compares what is published with what was, before Plinth changes it. */
  checkPublication(client: Pick<pg.ClientBase, 'query'>): Promise<void>
  /** Takes down what is published now. */
  published(client: Pick<pg.ClientBase, 'query'>): Promise<void>
  /** From here on the database as it is counts. */
  accept(client: Pick<pg.ClientBase, 'query'>, reason: string): Promise<void>
  /** Writes what is not written yet. */
  flush(): Promise<void>
  close(): Promise<void>
}

const witnessPath = (folder: string): string => join(folder, 'witness')

const altered: Finding = { kind: 'witness', what: 'altered' }

const flushMilliseconds = 1_000
const defaultLines = 20_000

export function createWitness(options: WitnessOptions): Witness {
  const { folder, copyFolder, key, clock, log, mostLines = defaultLines } = options
  const path = witnessPath(folder)
  const state = emptyState()
  let end = { seal: firstSeal, bytes: 0 }
  /** Of the file; 0 while it is not known. */
  let inode = 0
  let lines = 0
  let generation = 0
  let isOpen = false
  /** The last batch was committed, and no line says so yet. */
  let isCommitted = false
  let isUnsynced = false
  let work: Promise<unknown> = Promise.resolve()
  let timer: NodeJS.Timeout | undefined
  const copy = createCopy(path, copyFolder, log)

  let made: Promise<unknown> | undefined

  /** One thing at a time in this process, and in all that share the folder. */
  function exclusively<T>(task: () => Promise<T>): Promise<T> {
    made ??= mkdir(folder, { recursive: true, mode: 0o700 })
    const done = work.then(async () => {
      await made
      return withFileLock(path, task)
    })
    work = done.catch(() => undefined)
    return done
  }

  const at = () => clock.now().toISOString()

  /** Reads what others have written. Gives what is wrong with the file when it is opened; later that is written down at once. */
  async function catchUp(): Promise<readonly Finding[]> {
    if (!isOpen) return openFile()
    const { size, ino } = await look(path)
    if (size === end.bytes && ino === inode) return []
    const isTheSame = ino === inode || end.bytes === 0
    const next = isTheSame ? await readSealedLines(path, key, end) : undefined
    if (next && !next.isDamaged) take(next)
    else if (!(await takeAnew())) await goOnWithout()
    inode = (await look(path)).ino
    return []
  }

  async function openFile(): Promise<readonly Finding[]> {
    const found = await readSealedLines(path, key)
    const older = await compareWithCopy()
    isOpen = true
    timer = setInterval(() => void flush(), flushMilliseconds).unref()
    if (!found.isDamaged) {
      take(found)
      inode = (await look(path)).ino
      return older
    }
    await putAside()
    return [...older, altered]
  }

  function take(content: SealedContent): void {
    for (const line of content.lines) {
      const record = JSON.parse(line) as WitnessRecord
      if (record.kind === 'state') generation = record.generation
      apply(state, record)
    }
    end = { seal: content.seal, bytes: content.bytes }
    lines += content.lines.length
  }

  /** A file that another process has written anew holds from its beginning and is of a later generation. */
  async function takeAnew(): Promise<boolean> {
    const whole = await readSealedLines(path, key)
    if (whole.isDamaged || generationOf(whole.lines[0] ?? '') <= generation) return false
    lines = 0
    take(whole)
    return true
  }

  /** The file was altered under this process, which knows what it said. */
  async function goOnWithout(): Promise<void> {
    await putAside()
    await compact()
    await append([{ kind: 'found', at: at(), findings: [altered] }], true)
  }

  async function putAside(): Promise<void> {
    log.error({ path }, 'the witness of the journal was altered; it is put aside')
    await rename(path, `${path}.altered-${clock.now().getTime()}`).catch(() => undefined)
    end = { seal: firstSeal, bytes: 0 }
    inode = 0
    lines = 0
  }

  async function compareWithCopy(): Promise<readonly Finding[]> {
    if (!copyFolder) return []
    const isOlder = await isBehindCopy(path, witnessPath(copyFolder))
    return isOlder ? [{ kind: 'witness', what: 'older than its copy' }] : []
  }

  async function append(records: readonly WitnessRecord[], isDurable: boolean): Promise<void> {
    const { pending } = state
    const stored: WitnessRecord[] =
      isCommitted && pending ? [{ kind: 'stored', at: at(), position: pending.position }] : []
    const written = [...stored, ...records]
    end = await appendSealedLines(
      path,
      key,
      end,
      written.map((record) => JSON.stringify(record)),
      isDurable,
    )
    for (const record of written) apply(state, record)
    isCommitted = false
    isUnsynced = !isDurable
    lines += written.length
    if (lines >= mostLines) await compact()
    if (inode === 0) inode = (await look(path)).ino
    if (isDurable) await copy.bring(end.bytes)
  }

  async function compact(): Promise<void> {
    const whole: WitnessRecord[] = [
      { kind: 'state', at: at(), generation: generation + 1, state: snapshotOf(state) },
    ]
    if (state.pending) whole.push({ ...state.pending, kind: 'storing' })
    end = await replaceSealedLines(
      path,
      key,
      whole.map((record) => JSON.stringify(record)),
    )
    lines = whole.length
    generation += 1
    inode = 0
    copy.forget()
  }

  async function flush(): Promise<void> {
    if (!isCommitted && !isUnsynced) return
    await exclusively(async () => {
      await catchUp()
      await append([], true)
    }).catch((error: unknown) => {
      log.error({ path, problem: messageOf(error) }, 'the witness of the journal could not be written')
    })
  }

  /** Writes down what was found, so that it is not forgotten when the database goes on from there. */
  async function judge(facts: DatabaseFacts, before: readonly Finding[]): Promise<void> {
    const findings = [...before, ...compareWithDatabase(state, facts)]
    const gaps = [...facts.gaps.values()].filter(({ id }) => !state.gaps.has(id))
    if (findings.length > 0) {
      log.error({ findings: findings.slice(0, 10) }, 'the journal is not what was witnessed of it')
      await append([{ kind: 'found', at: at(), findings }], true)
    }
    // What follows is compared with the database as it is: each thing is found once.
    const now = { ...snapshotOf(state), ...snapshotOfFacts(facts, state) }
    if (findings.length > 0 || gaps.length > 0)
      await append([{ kind: 'state', at: at(), generation, state: now }], true)
  }

  return {
    takeOver: (client) =>
      exclusively(async () => {
        const before = await catchUp()
        const facts = await readDatabaseFacts(client)
        isCommitted = state.pending !== null && state.pending.position === facts.position
        if (isCommitted) await append([], true)
        if (end.bytes > 0) return judge(facts, before)
        const isNew = facts.position === null && facts.heads.size === 0
        const lost: Finding[] = isNew ? [] : [{ kind: 'witness', what: 'lost' }]
        const findings = before.length > 0 ? before : lost
        const began = { ...snapshotOfFacts(facts, state), findings }
        await append([{ kind: 'began', at: at(), state: began }], true)
        if (findings.length > 0) log.error({ findings }, 'the journal was not witnessed until now')
      }),
    storing: (from, position, heads) =>
      exclusively(async () => {
        await catchUp()
        await append([{ kind: 'storing', from, position, heads: headsOf(heads) }], false)
      }),
    stored: () => {
      isCommitted = true
    },
    dropping: (day, sha256, anchors) =>
      exclusively(async () => {
        await catchUp()
        await append([{ kind: 'dropping', at: at(), day, sha256, anchors: headsOf(anchors) }], true)
      }),
    checkPublication: (client) =>
      exclusively(async () => {
        const before = await catchUp()
        const findings = [...before, ...comparePublished(state, await readPublished(client))]
        if (findings.length === 0) return
        log.error({ findings }, 'the stream was changed behind Plinth’s back')
        await append([{ kind: 'found', at: at(), findings }], true)
      }),
    published: (client) =>
      exclusively(async () => {
        await catchUp()
        const tables = await readPublished(client)
        if (state.published?.join('\n') !== tables.join('\n'))
          await append([{ kind: 'published', at: at(), tables }], true)
      }),
    accept: (client, reason) =>
      exclusively(async () => {
        await catchUp()
        const facts = await readDatabaseFacts(client)
        const published = await readPublished(client)
        const accepted = { ...snapshotOfFacts(facts, state), published, findings: [] }
        await append([{ kind: 'accepted', at: at(), reason, state: accepted }], true)
      }),
    flush,
    close: async () => {
      clearInterval(timer)
      await flush()
    },
  }
}

/** Tables that are not published as they were. What was never taken down is not compared. */
function comparePublished({ published }: WitnessState, now: readonly string[]): Finding[] {
  if (published === null) return []
  const nameOf = (line: string) => line.slice(0, line.indexOf(' '))
  const differing = [
    ...published.filter((line) => !now.includes(line)),
    ...now.filter((line) => !published.includes(line)),
  ]
  return [...new Set(differing.map(nameOf))].map((what) => ({ kind: 'publication', what }))
}

/** The database as it is, with what only the witness knows. */
function snapshotOfFacts(facts: DatabaseFacts, state: WitnessState): Snapshot {
  return {
    position: facts.position,
    heads: headsOf(facts.heads),
    anchors: headsOf(facts.anchors),
    archives: [...facts.archives],
    gaps: [...facts.gaps.values()],
    published: state.published,
    findings: state.findings,
  }
}

/** The state that the lines of a file add up to. */
export async function readWitness({
  folder,
  copyFolder,
  key,
}: Pick<WitnessOptions, 'folder' | 'copyFolder' | 'key'>) {
  const state = emptyState()
  const path = witnessPath(folder)
  const { lines, isDamaged } = await readSealedLines(path, key)
  for (const line of lines) apply(state, JSON.parse(line) as WitnessRecord)
  if (isDamaged) state.findings.push(altered)
  if (copyFolder && (await isBehindCopy(path, witnessPath(copyFolder))))
    state.findings.push({ kind: 'witness', what: 'older than its copy' })
  return { state, isThere: lines.length > 0 }
}
