import { describe, expect, it } from 'vitest'
import { deriveKey, newKey, seal, unseal } from './seal.ts'

describe('sealing', () => {
  const key = newKey()

  it('gives back what was sealed, and never the same bytes twice', () => {
    const sealed = seal(key, 'a token', 'shop 1')
    expect(unseal(key, sealed, 'shop 1').toString()).toBe('a token')
    expect(seal(key, 'a token', 'shop 1').equals(sealed)).toBe(false)
  })

  it('notices every altered bit, another key and another place', () => {
    const sealed = seal(key, 'a token', 'shop 1')
    for (let at = 0; at < sealed.length; at++) {
      const altered = Buffer.from(sealed)
      altered[at]! ^= 1
      expect(() => unseal(key, altered, 'shop 1')).toThrow(expect.objectContaining({ code: 'seal_broken' }))
    }
    expect(() => unseal(newKey(), sealed, 'shop 1')).toThrow()
    expect(() => unseal(key, sealed, 'shop 2')).toThrow()
    expect(() => unseal(key, sealed.subarray(0, 5), 'shop 1')).toThrow()
  })

  it('derives a key of its own for each purpose', () => {
    expect(deriveKey(key, 'journal').equals(deriveKey(key, 'journal'))).toBe(true)
    expect(deriveKey(key, 'journal').equals(deriveKey(key, 'webhooks'))).toBe(false)
  })
})
