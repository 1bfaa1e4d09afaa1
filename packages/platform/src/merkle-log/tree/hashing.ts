import { createHash, hash } from 'node:crypto'

/** A SHA-256 hash: 32 bytes. */
export type Hash = Buffer

const leafPrefix = Buffer.of(0)
const nodePrefix = Buffer.of(1)

const digest = (...parts: readonly Uint8Array[]): Hash => hash('sha256', Buffer.concat(parts), 'buffer')

/** Hash of a leaf: SHA-256(0x00 ‖ content) (RFC 6962, 2.1). The prefix keeps a leaf from being taken for a node. */
export const leafHash = (content: Uint8Array): Hash => digest(leafPrefix, content)

/** Hash of a node over its two children: SHA-256(0x01 ‖ left ‖ right) (RFC 6962, 2.1). */
export const nodeHash = (left: Hash, right: Hash): Hash => digest(nodePrefix, left, right)

/** Root of the tree without leaves: SHA-256 of nothing. */
export const emptyRoot: Hash = createHash('sha256').digest()
