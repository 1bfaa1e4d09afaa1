/** Appends to a log until it is killed, for `merkle-log.db.test.ts`. Prints the size of each head that was given out. */
import { openProjectDatabase, type ProjectAddresses } from '../../database/index.ts'
import { silentLog, systemClock } from '../../kernel/index.ts'
import { createMerkleLog } from '../create-log.ts'
import { leafHash } from '../tree/hashing.ts'
import { identityOf } from './identity.ts'

const { addresses, folder } = JSON.parse(process.argv[2]!) as { addresses: ProjectAddresses; folder: string }
const database = openProjectDatabase({ system: 'sample', addresses, log: silentLog })
const options = { name: 'killed', identity: identityOf('killed'), database, folder, clock: systemClock }
const log = createMerkleLog({ ...options, log: silentLog })
for (;;) {
  const { head } = await log.append(async (_transaction, first) => ({
    leaves: [0, 1, 2].map((at) => leafHash(Buffer.from(`killed ${first + at}`))),
    result: undefined,
  }))
  process.stdout.write(`${head!.size}\n`)
}
