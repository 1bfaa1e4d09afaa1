import { AppError } from '../../kernel/index.ts'

/** Recognises a transaction that ends the stream whenever it comes. */
export interface UnreadableWatch {
  /**
   * The stream ended with an error while a transaction was coming in (its position; null between transactions). True when
   * the error lies in the data.
   */
  note(error: unknown, during: bigint | null): boolean
  /** The transaction that has ended the stream again and again, and is to be left out; null for none. */
  suspect(): bigint | null
  clear(): void
}

/** So often the same transaction has to end the stream. */
const attempts = 3

/** SQLSTATE classes of errors that lie in the data: their kind, their limits, what cannot be decoded. */
const ofData = ['0A', '22', '42', '54', 'XX']

/**
 * PostgreSQL fails where a row before and after its change takes more than a gigabyte of text, or where it cannot decode
 * what it wrote. A connection that is lost, and a server that goes down or has no memory, say nothing about a transaction.
 */
export function createUnreadableWatch(): UnreadableWatch {
  let position: bigint | null = null
  let count = 0
  return {
    note: (error, during) => {
      if (!liesInData(error) || during === null) return false
      count = during === position ? count + 1 : 1
      position = during
      return true
    },
    suspect: () => (count >= attempts ? position : null),
    clear: () => {
      position = null
      count = 0
    },
  }
}

function liesInData(error: unknown): boolean {
  if (error instanceof AppError) return error.code === 'tail_protocol'
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && code.length === 5 && ofData.includes(code.slice(0, 2))
}
