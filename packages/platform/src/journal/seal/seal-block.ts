import { seal } from '../../kernel/index.ts'
import type { SealedBlock } from './sealed-images.ts'

/** A person's key, by the name under which it is kept. */
export interface SubjectKey {
  readonly id: string
  readonly key: Buffer
}

export interface BlockToSeal {
  readonly key: SubjectKey
  readonly relation: string
  /** `BlockContent` as JSON. */
  readonly content: Buffer
}

/** A block as it stands in an image. */
export function sealBlock({ key: { id, key }, relation, content }: BlockToSeal): Buffer {
  const sealed = seal(key, content, relation).toString('base64')
  return Buffer.from(JSON.stringify({ key: id, sealed } satisfies SealedBlock))
}
