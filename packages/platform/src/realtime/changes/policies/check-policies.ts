import type { ProjectDatabase } from '../../../database/index.ts'
import { hasCode, type Log, messageOf } from '../../../kernel/index.ts'
import type { Session } from '../../channels/session.ts'
import type { TableDescription } from '../describe-table.ts'
import { type Access, accessOf, type CheckFunctions, type Question } from './check-function.ts'

export interface PolicyRequest {
  readonly table: TableDescription
  readonly question: Question
  /** All of these sessions have this role. */
  readonly role: string
  readonly sessions: readonly Session[]
  /** Rows as composite text. */
  readonly images: readonly string[]
  /** Channel name for `realtime.topic()`. */
  readonly topic?: string
}

/** What policies allow, by session key. */
export interface PolicyAnswers {
  /** By image. */
  readonly allowed: ReadonlyMap<string, readonly boolean[]>
  /** Sessions whose policy raised, with the SQLSTATE. */
  readonly raised: ReadonlyMap<string, string>
}

export interface PolicyCheck {
  /** How rows are decided; its function is ready to be called. */
  prepare(table: TableDescription, role: string, question: Question): Promise<Access>
  /**
   * Lets the database apply the table's policies to images, as each session. A policy that raises, or takes longer than
   * allowed, concerns that session alone.
   */
  check(request: PolicyRequest): Promise<PolicyAnswers>
}

export interface PolicyCheckOptions {
  readonly database: ProjectDatabase
  readonly functions: CheckFunctions
  readonly policyMilliseconds: number
  readonly log: Log
}

/** A single slow session may hold up all others for this part of what a batch may take. */
const shareOfOne = 0.4
/** Sessions times images of one statement. */
const mostTogether = 100_000

interface Answers extends PolicyAnswers {
  readonly allowed: Map<string, readonly boolean[]>
  readonly raised: Map<string, string>
}

export function createPolicyCheck(options: PolicyCheckOptions): PolicyCheck {
  const { database, functions, policyMilliseconds, log } = options

  async function prepare(table: TableDescription, role: string, question: Question): Promise<Access> {
    const access = accessOf(table, role, question)
    if (access.kind === 'checked') await functions.ensure(table, role, question, access)
    return access
  }

  async function ask(request: PolicyRequest, access: Access & { kind: 'checked' }, milliseconds: number) {
    const { role, sessions, images, topic = '' } = request
    const found = await database.asCaller<{ answers: string[] }>(
      { role, claims: {} },
      {
        text: `select ${access.call}($1, $2, $3) as answers`,
        values: [sessions.map(({ claims }) => claims), images, topic],
      },
      { readOnly: true, statementTimeout: milliseconds },
    )
    return found.rows[0]!.answers
  }

  /** Asks for all; when that fails, for halves, until those who raise stand alone. */
  async function askApart(
    request: PolicyRequest,
    access: Access & { kind: 'checked' },
    into: Answers,
  ): Promise<void> {
    const { sessions } = request
    const isAlone = sessions.length === 1
    try {
      const milliseconds = isAlone ? policyMilliseconds * shareOfOne : policyMilliseconds
      const answers = await ask(request, access, Math.max(50, Math.round(milliseconds)))
      sessions.forEach(({ key }, index) => {
        into.allowed.set(
          key,
          [...answers[index]!].map((bit) => bit === '1'),
        )
      })
    } catch (error) {
      if (!isStatementError(error) || isStale(error)) throw error
      if (!isAlone) {
        const pieces = hasCode(error, '57014') ? sessions.map((one) => [one]) : halves(sessions)
        for (const piece of pieces) await askApart({ ...request, sessions: piece }, access, into)
        return
      }
      into.raised.set(sessions[0]!.key, stateOf(error))
      log.info({ table: request.table.table, problem: messageOf(error) }, 'a policy raised for a subscriber')
    }
  }

  return {
    prepare,
    check: async (request) => {
      const into: Answers = { allowed: new Map(), raised: new Map() }
      const access = await prepare(request.table, request.role, request.question)
      if (access.kind !== 'checked') {
        const all = request.images.map(() => access.kind === 'all')
        for (const { key } of request.sessions) into.allowed.set(key, all)
        return into
      }
      const together = Math.max(1, Math.floor(mostTogether / Math.max(1, request.images.length)))
      try {
        for (let start = 0; start < request.sessions.length; start += together) {
          const sessions = request.sessions.slice(start, start + together)
          await askApart({ ...request, sessions }, access, into)
        }
      } catch (error) {
        if (isStale(error)) functions.forget(access)
        throw error
      }
      return into
    },
  }
}

function halves<T>(all: readonly T[]): readonly (readonly T[])[] {
  const middle = Math.ceil(all.length / 2)
  return [all.slice(0, middle), all.slice(middle)]
}

/** The SQLSTATE of an error: its text may quote rows that nobody may see. */
export const stateOf = (error: unknown): string => String((error as { code?: unknown }).code)

/** True for what PostgreSQL says of a statement, false for what happens to a connection. */
export function isStatementError(error: unknown): boolean {
  const state = stateOf(error)
  return /^[0-9A-Z]{5}$/.test(state) && !/^(08|57P|53)/.test(state)
}

/** The check function is gone, or the table has other columns than it was made for. */
export function isStale(error: unknown): boolean {
  if (hasCode(error, '42883')) return messageOf(error).includes('realtime.may_')
  return hasCode(error, '22P02') && messageOf(error).includes('malformed record literal')
}
