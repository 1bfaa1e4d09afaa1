import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign, verify } from 'node:crypto'
import { deriveKey, newKey, seal, unseal } from '../../kernel/index.ts'
import { backupErrors } from '../errors.ts'

/** The keys of a project's backups: the first makes them, all open and verify them. */
export interface KeyRing {
  /** Names of the keys, the current one first; they say nothing of the keys. */
  readonly ids: readonly string[]
  /** A fresh key for one backup, with its form that stands in the manifest. */
  newDataKey(backup: string): { readonly key: Buffer; readonly wrapped: WrappedKey }
  /** Fails with `backup_wrong_key`. */
  openDataKey(backup: string, wrapped: WrappedKey): Buffer
  /** Ed25519 over the bytes, with the current key. */
  sign(bytes: Buffer): Signature
  /** Fails with `backup_wrong_key` where the signer is not of this ring; false where the signature is not of these bytes. */
  verify(bytes: Buffer, signature: Signature): boolean
}

export interface WrappedKey {
  readonly keyId: string
  /** The backup's own key, sealed under the key of that name; base64. */
  readonly sealed: string
}

export interface Signature {
  readonly keyId: string
  /** Ed25519 public key, 32 bytes, base64: whoever knows it can verify without the secret. */
  readonly publicKey: string
  readonly value: string
}

/** RFC 8410: what stands before the 32 bytes of an Ed25519 private key in PKCS #8. */
const privateKeyHead = Buffer.from('302e020100300506032b657004220420', 'hex')
const publicKeyBytes = 32

/** `keys`: 32 bytes each, the current one first. */
export function createKeyRing(keys: readonly [Buffer, ...Buffer[]]): KeyRing {
  const ring = keys.map((key) => ({ id: nameOf(key), key, ...signerOf(key) }))
  const [current] = ring as [(typeof ring)[number], ...typeof ring]
  const find = (id: string) => {
    const found = ring.find((each) => each.id === id)
    if (!found)
      throw backupErrors.backup_wrong_key({ wanted: id, known: ring.map((each) => each.id).join(', ') })
    return found
  }
  return {
    ids: ring.map(({ id }) => id),
    newDataKey: (backup) => {
      const key = newKey()
      const sealed = seal(current.key, key, contextOf(backup)).toString('base64')
      return { key, wrapped: { keyId: current.id, sealed } }
    },
    openDataKey: (backup, { keyId, sealed }) => {
      const { key } = find(keyId)
      try {
        return unseal(key, Buffer.from(sealed, 'base64'), contextOf(backup))
      } catch (cause) {
        throw backupErrors.backup_damaged({ problem: 'its key cannot be opened' }, cause)
      }
    },
    sign: (bytes) => ({
      keyId: current.id,
      publicKey: current.publicText,
      value: sign(null, bytes, current.privateKey).toString('base64'),
    }),
    verify: (bytes, { keyId, publicKey, value }) => {
      const { public: own, publicText } = find(keyId)
      return publicKey === publicText && verify(null, bytes, own, Buffer.from(value, 'base64'))
    },
  }
}

const contextOf = (backup: string) => `backup ${backup}`

const nameOf = (key: Buffer): string =>
  createHash('sha256').update('plinth backup key').update(key).digest('hex').slice(0, 16)

function signerOf(key: Buffer): {
  readonly privateKey: KeyObject
  readonly public: KeyObject
  readonly publicText: string
} {
  const seed = deriveKey(key, 'backups/signatures')
  const privateKey = createPrivateKey({
    key: Buffer.concat([privateKeyHead, seed]),
    format: 'der',
    type: 'pkcs8',
  })
  const own = createPublicKey(privateKey)
  const publicText = own.export({ format: 'der', type: 'spki' }).subarray(-publicKeyBytes).toString('base64')
  return { privateKey, public: own, publicText }
}
