import { describe, expect, it } from 'vitest'
import { checkPassword, longestPassword } from './password-rules.ts'

const rules = { passwordMinLength: 6, passwordRequiredCharacters: [] }

describe('password rules', () => {
  it.each([['abcdef'], ['sechs…'], ['🔑🔑🔑🔑🔑🔑'], ['x'.repeat(longestPassword)]])(
    'take %s',
    (password) => {
      expect(() => checkPassword(password, rules)).not.toThrow()
    },
  )

  it('count characters as people do, not bytes', () => {
    expect(() => checkPassword('🔑🔑🔑', rules)).toThrow(
      expect.objectContaining({
        code: 'weak_password',
        details: { reasons: ['length'], problem: expect.stringContaining('6') },
      }),
    )
  })

  it('ask for a character of each kind that the project names', () => {
    const strict = { ...rules, passwordRequiredCharacters: ['abcdefghijklmnopqrstuvwxyz', '0123456789'] }
    expect(() => checkPassword('letters', strict)).toThrow(
      expect.objectContaining({
        code: 'weak_password',
        details: expect.objectContaining({ reasons: ['characters'] }),
      }),
    )
    expect(() => checkPassword('1 letter', strict)).not.toThrow()
  })

  it.each([[undefined], [''], ['ü'.repeat(longestPassword / 2 + 1)]])('refuse %s', (password) => {
    expect(() => checkPassword(password, rules)).toThrow(
      expect.objectContaining({ code: 'validation_failed' }),
    )
  })
})
