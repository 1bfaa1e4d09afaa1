import { describe, expect, it } from 'vitest'
import { checkPassword, longestPassword } from './password-rules.ts'

describe('password rules', () => {
  it.each([['abcdef'], ['sechs…'], ['🔑🔑🔑🔑🔑🔑'], ['x'.repeat(longestPassword)]])(
    'take %s',
    (password) => {
      expect(() => checkPassword(password, 6)).not.toThrow()
    },
  )

  it('count characters as people do, not bytes', () => {
    expect(() => checkPassword('🔑🔑🔑', 6)).toThrow(
      expect.objectContaining({ code: 'weak_password', details: { length: 6, reasons: ['length'] } }),
    )
  })

  it.each([[undefined], [''], ['ü'.repeat(longestPassword / 2 + 1)]])('refuse %s', (password) => {
    expect(() => checkPassword(password, 6)).toThrow(expect.objectContaining({ code: 'validation_failed' }))
  })
})
