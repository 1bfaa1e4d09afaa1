import { hash, type KeyObject, sign, verify } from 'node:crypto'

/** Who signs a note. */
export interface NoteSigner {
  /** Says whose key it is: without spaces and `+`. */
  readonly name: string
  /** Ed25519. */
  readonly privateKey: KeyObject
}

export interface NoteVerifier {
  readonly name: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Buffer
}

const ed25519Type = 1
const keyIdBytes = 4
const signatureBytes = 64
const separator = '\n\n'
const dash = '— '

/** The first four bytes of SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key). */
function keyIdOf({ name, publicKey }: NoteVerifier): Buffer {
  const content = Buffer.concat([Buffer.from(`${name}\n`), Buffer.of(ed25519Type), publicKey])
  return hash('sha256', content, 'buffer').subarray(0, keyIdBytes)
}

/** The verifier's key as C2SP writes it: `name+id+key`. */
export const verifierKeyOf = (verifier: NoteVerifier): string =>
  `${verifier.name}+${keyIdOf(verifier).toString('hex')}+${Buffer.concat([Buffer.of(ed25519Type), verifier.publicKey]).toString('base64')}`

/** Signs a text that ends with a newline: a signed note (https://c2sp.org/signed-note). */
export function signNote(text: string, { name, privateKey }: NoteSigner, publicKey: Buffer): string {
  if (!text.endsWith('\n')) throw new Error('the text of a note ends with a newline')
  if (name === '' || /[\s+]/u.test(name)) throw new Error(`${name} cannot be the name of a note’s key`)
  const signature = sign(null, Buffer.from(text), privateKey)
  const line = Buffer.concat([keyIdOf({ name, publicKey }), signature]).toString('base64')
  return `${text}\n${dash}${name} ${line}\n`
}

/** The text of a note when this verifier's signature on it holds, else null. Signatures of others are not looked at. */
export function openNote(note: string, verifier: NoteVerifier): string | null {
  const end = note.lastIndexOf(separator)
  if (end < 0) return null
  const text = note.slice(0, end + 1)
  const id = keyIdOf(verifier)
  const key = publicKeyOf(verifier.publicKey)
  for (const line of note.slice(end + separator.length).split('\n')) {
    const [name, encoded = ''] = line.startsWith(dash) ? line.slice(dash.length).split(' ') : []
    const given = Buffer.from(encoded, 'base64')
    if (name !== verifier.name || given.length !== keyIdBytes + signatureBytes) continue
    if (!given.subarray(0, keyIdBytes).equals(id)) continue
    if (verify(null, Buffer.from(text), key, given.subarray(keyIdBytes))) return text
  }
  return null
}

const publicKeyOf = (bytes: Buffer) =>
  ({ key: { kty: 'OKP', crv: 'Ed25519', x: bytes.toString('base64url') }, format: 'jwk' }) as const
