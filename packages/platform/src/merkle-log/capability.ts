import { join } from 'node:path'
import { z } from 'zod'
import { messageOf } from '../kernel/index.ts'
import { defineCapability, offerKey } from '../system/index.ts'
import { createMerkleLog, type MerkleLog } from './create-log.ts'
import type { LogIdentity } from './heads/checkpoint.ts'
import { readMerkleLogMigrations } from './migrations.ts'

/** Merkle logs for other capabilities. */
export interface MerkleLogOffer {
  /** Opens a log; it is made by its first append. The identity stays the same for the log's life. */
  open(name: string, identity: LogIdentity): MerkleLog
}

export const merkleLogOffer = offerKey<MerkleLogOffer>('merkle-log')

const settings = z.object({
  headsCopy: z
    .string()
    .optional()
    .describe('Folder on another disk or machine that gets a second copy of heads and leaves. Default none.'),
})

/** Append-only logs of hashes with signed heads and proofs (RFC 6962), for what has to be provable to strangers. */
export const merkleLog = (defaults: z.input<typeof settings> = {}) =>
  defineCapability({
    name: 'merkle-log',
    migrations: readMerkleLogMigrations,
    settings,
    defaults,
    open: (project) => {
      const { database, system, clock, log } = project
      const { headsCopy } = project.settings
      const copyFolder = headsCopy === undefined ? undefined : join(headsCopy, system.name)
      const folder = project.folder('merkle-logs')
      const opened: MerkleLog[] = []
      /** What was wrong with a log when the project started. */
      let broken: string | undefined
      const offer: MerkleLogOffer = {
        open: (name, identity) => {
          const made = createMerkleLog({ name, identity, database, folder, copyFolder, clock, log })
          opened.push(made)
          return made
        },
      }
      return {
        offer,
        health: [
          {
            name: 'merkle-log',
            check: () => {
              const problem = [broken, ...opened.map((each) => each.copyProblem())].find(
                (each) => each !== undefined,
              )
              return problem === undefined ? { status: 'ok' } : { status: 'degraded', detail: { problem } }
            },
          },
        ],
        start: async () => {
          try {
            for (const each of opened) await each.catchUp()
          } catch (error) {
            broken = messageOf(error)
            log.error({ problem: broken }, 'a Merkle log does not hold')
          }
        },
      }
    },
  })
