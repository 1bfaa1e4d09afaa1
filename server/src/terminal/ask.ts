import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'

/** Asks a person on the terminal; y or yes, in any case, is consent. */
export async function askConsent(question: string): Promise<boolean> {
  const asking = createInterface({ input: process.stdin, output: process.stderr })
  // At the end of the input there is no answer.
  const ended = new Promise<string>((resolve) => asking.once('close', () => resolve('')))
  const answer = await Promise.race([asking.question(question), ended])
  asking.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** Asks for a secret on the terminal, which does not show it. */
export async function askSecret(question: string): Promise<string> {
  process.stderr.write(question)
  const unseen = new Writable({ write: (_chunk, _encoding, done) => done() })
  const asking = createInterface({ input: process.stdin, output: unseen, terminal: true })
  const answer = await asking.question('')
  asking.close()
  process.stderr.write('\n')
  return answer
}
