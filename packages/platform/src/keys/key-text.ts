import { hash } from 'node:crypto'
import { newSecret } from '../kernel/index.ts'

/** How every key begins, so that people and secret scanners recognise one. */
export const keyStart = 'sk_'

const wholeKey = /^sk_[A-Za-z0-9_-]{24,128}$/

/** A new key: 256 random bits. */
export const newKeyText = (): string => keyStart + newSecret(32)

export const isKeyText = (text: string): boolean => wholeKey.test(text)

/** What of a key is stored in the clear, to tell keys apart: `sk_1a2b…`. Four letters help nobody to guess the others. */
export const hideKey = (text: string): string => `${text.slice(0, keyStart.length + 4)}…`

/** SHA-256: enough for texts that nobody can guess, and quick enough for every request. */
export const hashKey = (text: string): Buffer => hash('sha256', text, 'buffer')
