import { hash } from 'node:crypto'
import { signingKeyOf } from '../../kernel/index.ts'
import type { LogIdentity } from '../heads/checkpoint.ts'

/** The identity of a test's log: its key follows from its name. */
export function identityOf(name: string): LogIdentity {
  const { privateKey, publicBytes } = signingKeyOf(hash('sha256', name, 'buffer'))
  const origin = `log.example/${name}`
  return { signer: { name: origin, privateKey }, verifier: { name: origin, publicKey: publicBytes } }
}
