import { AppError, messageOf } from '../../kernel/index.ts'
import type { BackupContext } from '../backup-context.ts'
import { linesOf } from '../format/copy-text.ts'
import { framesOf, openChain } from './open-chain.ts'

/** What was read of a backup and of those that it stands on. */
export interface Verification {
  readonly backup: string
  readonly isSound: boolean
  /** Code and message of what is wrong; null when it is sound. */
  readonly problem: { readonly code: string; readonly message: string } | null
  readonly backups: number
  readonly parts: number
  readonly bytes: number
  readonly rows: number
}

/**
 * Reads every byte of a backup and of those that it stands on: signatures, the chain, the hash of each part, and what is in
 * it. It does not prove that it can be restored: a rehearsal does. Fails with `backup_unknown` or `backup_not_complete`.
 */
export async function verifyBackup(context: BackupContext, id: string): Promise<Verification> {
  const counted = { backups: 0, parts: 0, bytes: 0, rows: 0 }
  try {
    for (const backup of await openChain(context, id)) {
      counted.backups += 1
      for (const part of backup.manifest.parts) {
        counted.parts += 1
        counted.bytes += part.bytes
      }
      for await (const frame of framesOf(context, backup))
        if (frame.kind === 'rows' || frame.kind === 'gone')
          for (const _ of linesOf(frame.lines)) counted.rows += 1
    }
    return { backup: id, isSound: true, problem: null, ...counted }
  } catch (error) {
    if (!(error instanceof AppError) || ['backup_unknown', 'backup_not_complete'].includes(error.code))
      throw error
    return {
      backup: id,
      isSound: false,
      problem: { code: error.code, message: messageOf(error) },
      ...counted,
    }
  }
}
