import { createHash } from 'node:crypto'
import { type Caller, sql, type Transaction } from '../../database/index.ts'
import { restErrors } from '../errors.ts'
import type { RawRequest } from '../request/read-request.ts'
import type { AnswerRow } from '../sql/answer-text.ts'

/** The `Idempotency-Key` of a write: with it, the write is done once however often it is sent. */
export interface Receipt {
  readonly key: string
  /** The request, whose body is hashed as it is read. */
  readonly raw: RawRequest
  /** SHA-256 of what is asked; call it when the body has been read. */
  fingerprint(): Buffer
}

const keyPattern = /^[\x21-\x7e]{8,255}$/
/** Characters of an answer that are kept; a longer one is not answered twice. */
const mostKept = 16_384

/**
 * The receipt that a request asks for; undefined for reads and without a key. Fails with `malformed_idempotency_key`, and
 * with `idempotency_key_without_user`: strangers have no keys of their own.
 */
export function readReceipt(raw: RawRequest, caller: Caller, anonymousRole: string): Receipt | undefined {
  const key = raw.header('idempotency-key')
  if (key === null || raw.method === 'GET' || raw.method === 'HEAD') return undefined
  if (!keyPattern.test(key)) throw restErrors.malformed_idempotency_key()
  if (caller.role === anonymousRole) throw restErrors.idempotency_key_without_user()
  const { method, kind, name, search } = raw
  const hash = createHash('sha256')
  hash.update(
    JSON.stringify([method, kind, name, search, raw.header('prefer'), raw.header('content-profile')]),
  )
  const readBody = async () => {
    const body = await raw.readBody()
    hash.update(body)
    return body
  }
  return {
    key,
    raw: { ...raw, header: (header) => raw.header(header), readBody },
    fingerprint: () => hash.copy().digest(),
  }
}

/**
 * Runs the write unless it was committed before under the same key; then gives the answer of that time. Receipt and write
 * are one transaction. Fails with `idempotency_key_reused` and `answer_not_kept`.
 */
export async function runOnce(
  { query }: Transaction,
  receipt: Receipt,
  write: () => Promise<AnswerRow>,
): Promise<AnswerRow> {
  const taken = await query<{ is_same: boolean | null; answer: string | null }>(
    sql`select is_same, answer from plinth.take_receipt(${receipt.key}, ${receipt.fingerprint()})`,
  )
  const { is_same: isSame, answer: kept } = taken.rows[0]!
  if (isSame === null) {
    const row = await write()
    const answer = keepable(row)
    if (answer !== null) await query(sql`select plinth.keep_answer(${receipt.key}, ${answer})`)
    return row
  }
  if (!isSame) throw restErrors.idempotency_key_reused()
  if (kept === null) throw restErrors.answer_not_kept()
  return { ...(JSON.parse(kept) as AnswerRow), isReplayed: true }
}

function keepable(row: AnswerRow): string | null {
  if (row.body !== null && typeof row.body !== 'string') return null
  const text = JSON.stringify(row)
  return text.length > mostKept ? null : text
}
