import type { Hash } from '../tree/hashing.ts'
import { type NoteSigner, type NoteVerifier, openNote, signNote } from './signed-note.ts'

/** The state of a log: how many leaves, and the root over them. */
export interface TreeHead {
  readonly size: number
  readonly root: Hash
}

/** A tree head with its signature. */
export interface SignedHead extends TreeHead {
  /** As C2SP writes checkpoints: https://c2sp.org/tlog-checkpoint. */
  readonly note: string
}

/** A log's identity: who signs its heads. */
export interface LogIdentity {
  readonly signer: NoteSigner
  readonly verifier: NoteVerifier
}

/** Signs a head: origin, size in decimal, root in base64, a line each. The origin is the name of the log's key. */
export function signHead({ size, root }: TreeHead, { signer, verifier }: LogIdentity): SignedHead {
  const text = `${signer.name}\n${size}\n${root.toString('base64')}\n`
  return { size, root, note: signNote(text, signer, verifier.publicKey) }
}

/** The head in a checkpoint that this log signed, else null. Lines after the third are other people's extensions. */
export function openHead(note: string, verifier: NoteVerifier): SignedHead | null {
  const text = openNote(note, verifier)
  const [origin, size = '', root = ''] = text?.split('\n') ?? []
  const bytes = Buffer.from(root, 'base64')
  if (origin !== verifier.name || !/^(0|[1-9]\d{0,15})$/.test(size) || bytes.length !== 32) return null
  return { size: Number(size), root: bytes, note }
}
