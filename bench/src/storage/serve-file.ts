/** Streams one file to whoever asks: the least that Node does for a download. Prints its port. */
import { createReadStream } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

const [, , path = ''] = process.argv
const server = createServer((_request, response) => {
  createReadStream(path).pipe(response)
})
server.listen(0, '127.0.0.1', () => process.stdout.write(`${(server.address() as AddressInfo).port}\n`))
