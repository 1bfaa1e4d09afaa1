import { describe, expect, it } from 'vitest'
import { checkMetadataSize, longestAppMetadata, longestUserMetadata, metadataSchema } from './metadata.ts'

describe('metadata', () => {
  const nested = (depth: number): unknown => (depth === 0 ? 1 : { a: nested(depth - 1) })

  it.each([[{}], [{ a: [1, 'two', null, { b: true }] }], [{ emoji: '🦊' }], [nested(32)]])(
    'takes %j',
    (value) => {
      expect(metadataSchema.parse(value)).toEqual(value)
    },
  )

  it.each([[null], [undefined]])('takes %j for not given', (value) => {
    expect(metadataSchema.parse(value)).toBeUndefined()
  })

  it.each([['text'], [[1]], [7], [{ a: 'x\0' }], [{ 'a\0': 1 }], [{ a: ['\ud800'] }], [nested(33)]])(
    'refuses %j, which PostgreSQL could not keep',
    (value) => {
      expect(metadataSchema.safeParse(value).success).toBe(false)
    },
  )

  it('keeps a key that means something to JavaScript as data', () => {
    const value = JSON.parse('{"__proto__": {"role": "service_role"}}')
    expect(JSON.stringify(metadataSchema.parse(value))).toBe('{"__proto__":{"role":"service_role"}}')
  })

  it('has to fit into a token', () => {
    const fits = { note: 'x'.repeat(longestUserMetadata - 11) }
    expect(() => checkMetadataSize({ raw_user_meta_data: fits, raw_app_meta_data: null })).not.toThrow()
    const tooLong = expect.objectContaining({ code: 'validation_failed' })
    expect(() =>
      checkMetadataSize({ raw_user_meta_data: { ...fits, a: 1 }, raw_app_meta_data: null }),
    ).toThrow(tooLong)
    expect(() =>
      checkMetadataSize({
        raw_user_meta_data: null,
        raw_app_meta_data: { a: 'x'.repeat(longestAppMetadata) },
      }),
    ).toThrow(tooLong)
  })
})
