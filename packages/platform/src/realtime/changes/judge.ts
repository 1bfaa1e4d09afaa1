import type { ProjectDatabase } from '../../database/index.ts'
import { hasCode, type Log, messageOf } from '../../kernel/index.ts'
import type { Session } from '../channels/session.ts'
import { type Access, accessOf, type CheckFunctions, type Question } from './check-function.ts'
import type { TableDescription } from './describe-table.ts'

/** One subscriber's part of a question. */
export interface JudgedSession {
  readonly session: Session
  /** Which images to judge, counted from 0; null for all. */
  readonly picks: readonly number[] | null
}

export interface JudgeRequest {
  readonly table: TableDescription
  readonly question: Question
  /** All of these sessions have this role. */
  readonly role: string
  readonly sessions: readonly JudgedSession[]
  /** Rows as composite text. */
  readonly images: readonly string[]
  /** Channel name for `realtime.topic()`. */
  readonly topic?: string
}

/** Verdicts by session key. */
export interface Judgement {
  /** By image; a session that was not asked about an image has false there. */
  readonly verdicts: ReadonlyMap<string, readonly boolean[]>
  /** Sessions whose policy raised, and what it said. */
  readonly raised: ReadonlyMap<string, string>
}

export interface Judge {
  /** How rows are decided; ready to be asked. */
  prepare(table: TableDescription, role: string, question: Question): Promise<Access>
  /**
   * Lets the database apply the table's policies to images, as each subscriber. A policy that raises, or takes longer
   * than allowed, is the affair of that subscriber alone.
   */
  judge(request: JudgeRequest): Promise<Judgement>
}

export interface JudgeOptions {
  readonly database: ProjectDatabase
  readonly functions: CheckFunctions
  readonly policyMilliseconds: number
  readonly log: Log
}

/** A single slow subscriber may hold up all others for this part of what a batch may take. */
const shareOfOne = 0.4

export function createJudge({ database, functions, policyMilliseconds, log }: JudgeOptions): Judge {
  async function prepare(table: TableDescription, role: string, question: Question): Promise<Access> {
    const access = accessOf(table, role, question)
    if (access.kind === 'judged') await functions.ensure(table, role, question, access)
    return access
  }

  async function ask(request: JudgeRequest, access: Access & { kind: 'judged' }, milliseconds: number) {
    const { role, sessions, images, topic = '' } = request
    const found = await database.asCaller<{ verdicts: string[] }>(
      { role, claims: {} },
      {
        text: `select ${access.call}($1, $2, $3, $4) as verdicts`,
        values: [sessions.map(({ session }) => session.claims), sessions.map(pickText), images, topic],
      },
      { readOnly: true, statementTimeout: milliseconds },
    )
    return found.rows[0]!.verdicts
  }

  /** Asks for all; when that fails, halves, until those who raise stand alone. */
  async function askApart(
    request: JudgeRequest,
    access: Access & { kind: 'judged' },
    into: { verdicts: Map<string, readonly boolean[]>; raised: Map<string, string> },
  ): Promise<void> {
    const { sessions, images } = request
    const alone = sessions.length === 1
    try {
      const milliseconds = alone ? policyMilliseconds * shareOfOne : policyMilliseconds
      const verdicts = await ask(request, access, Math.max(50, Math.round(milliseconds)))
      sessions.forEach(({ session, picks }, index) => {
        into.verdicts.set(session.key, readVerdict(verdicts[index]!, picks, images.length))
      })
    } catch (error) {
      if (!isStatementError(error)) throw error
      if (isStale(error)) throw error
      if (alone) {
        into.raised.set(sessions[0]!.session.key, messageOf(error))
        log.info(
          { table: request.table.table, problem: messageOf(error) },
          'a policy raised for a subscriber',
        )
        return
      }
      const pieces = hasCode(error, '57014') ? sessions.map((one) => [one]) : halves(sessions)
      for (const piece of pieces) await askApart({ ...request, sessions: piece }, access, into)
    }
  }

  return {
    prepare,
    judge: async (request) => {
      const into = { verdicts: new Map<string, readonly boolean[]>(), raised: new Map<string, string>() }
      const access = await prepare(request.table, request.role, request.question)
      if (access.kind === 'judged') {
        try {
          await askApart(request, access, into)
        } catch (error) {
          if (isStale(error)) functions.forget(access)
          throw error
        }
        return into
      }
      const all = request.images.map(() => access.kind === 'all')
      for (const { session } of request.sessions) into.verdicts.set(session.key, all)
      return into
    },
  }
}

const pickText = ({ picks }: JudgedSession): string | null =>
  picks === null ? null : `{${picks.map((pick) => pick + 1).join(',')}}`

function readVerdict(bits: string, picks: readonly number[] | null, images: number): readonly boolean[] {
  if (picks === null) return Array.from({ length: images }, (_, index) => bits[index] === '1')
  const verdict = new Array<boolean>(images).fill(false)
  picks.forEach((pick, index) => {
    verdict[pick] = bits[index] === '1'
  })
  return verdict
}

function halves<T>(all: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.ceil(all.length / 2)
  return [all.slice(0, middle), all.slice(middle)]
}

/** True for what PostgreSQL says of a statement, false for what happens to a connection. */
const isStatementError = (error: unknown): boolean => {
  const code = (error as { code?: unknown }).code
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && !/^(08|57P|53)/.test(code)
}

/** The check function is gone, or the table has other columns than it was made for. */
export function isStale(error: unknown): boolean {
  if (hasCode(error, '42883')) return messageOf(error).includes('realtime.may_')
  return hasCode(error, '22P02') && messageOf(error).includes('malformed record literal')
}
