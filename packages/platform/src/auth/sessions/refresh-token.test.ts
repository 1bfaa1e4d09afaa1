import { expect, it } from 'vitest'
import { deriveChild, hashRefreshToken, newDerivationKey, newRefreshToken } from './refresh-token.ts'

it('gives every session a token of its own, and stores only its hash', () => {
  expect(newRefreshToken()).toMatch(/^[\w-]{43}$/)
  expect(newRefreshToken()).not.toBe(newRefreshToken())
  expect(hashRefreshToken('token')).toMatch(/^[0-9a-f]{64}$/)
})

it('derives the same child from the same parent and key only', () => {
  const [parent, key] = [newRefreshToken(), newDerivationKey()]
  expect(deriveChild(parent, key)).toBe(deriveChild(parent, key))
  expect(deriveChild(parent, newDerivationKey())).not.toBe(deriveChild(parent, key))
  expect(deriveChild(newRefreshToken(), key)).not.toBe(deriveChild(parent, key))
  expect(deriveChild(parent, key)).toMatch(/^[\w-]{43}$/)
})
