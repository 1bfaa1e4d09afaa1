/** One node of the fault test: follows the stream and journals until it is killed. */
import { openProjectDatabase, type ProjectAddresses } from '../../database/index.ts'
import { createLog, systemClock } from '../../kernel/index.ts'
import { createTail } from '../../tail/index.ts'
import { createJournal } from '../create-journal.ts'

export interface NodeOptions {
  readonly system: string
  readonly addresses: ProjectAddresses
  readonly key: string
  readonly folder: string
  readonly silenceMilliseconds: number
}

const { system, addresses, key, folder, silenceMilliseconds } = JSON.parse(process.argv[2]!) as NodeOptions
const log = createLog('error')
const database = openProjectDatabase({ system, addresses, log })
const journal = createJournal({ database, key: Buffer.from(key, 'hex'), folder, clock: systemClock, log })
createTail({ database, log, durable: [journal], silenceMilliseconds }).start()
