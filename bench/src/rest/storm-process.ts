/**
 * A storm of sign-ins in a process of its own, so that it delays the server and not whoever measures it. It says `ready`,
 * rages from the first line of its input on, and ends with that input by telling how many sign-ins were answered.
 */
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { accountOf, type Served, stormers } from './storm-accounts.ts'

const { url, anonKey } = JSON.parse(process.argv[2]!) as Served
const input = createInterface(process.stdin)
let stopped = false
input.once('close', () => {
  stopped = true
})
process.stdout.write('ready\n')
await once(input, 'line')

const counts = await Promise.all(Array.from({ length: stormers }, (_, number) => signInUntilStopped(number)))
process.stdout.write(`${counts.reduce((sum, count) => sum + count, 0)}\n`)

/** Gives how many sign-ins were answered with a session; each comes from an address of its own. */
async function signInUntilStopped(number: number): Promise<number> {
  let signedIn = 0
  for (let attempt = 0; !stopped; attempt++) {
    const answer = await fetch(`${url}/auth/v1/token?grant_type=password`, {
      method: 'POST',
      headers: {
        apikey: anonKey,
        'content-type': 'application/json',
        'x-forwarded-for': `10.${number}.${attempt >> 8}.${attempt & 255}`,
      },
      body: JSON.stringify(accountOf(number)),
    })
    await answer.arrayBuffer()
    if (answer.ok) signedIn++
  }
  return signedIn
}
