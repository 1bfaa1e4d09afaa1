import { describe, expect, it } from 'vitest'
import { readFileSize } from './file-size.ts'
import { readObjectPath, requireBucketName, requireObjectName } from './names.ts'

describe('names of objects', () => {
  it.each([
    'a',
    'a/b.txt',
    'Ünïcode/日本.png',
    "it's (1) & $@=;:+,?!*.md",
    '.hidden',
    '...',
    'x'.repeat(1_024),
  ])('%s is one', (name) => {
    expect(requireObjectName(name)).toBe(name)
  })
  it.each([
    '',
    '/',
    'a/',
    '/a',
    'a//b',
    '.',
    '..',
    'a/..',
    'a/../b',
    'a\\b',
    'a\nb',
    'a\0',
    '<x>',
    'a#b',
    '%',
    'x'.repeat(1_025),
  ])('%j is none', (name) => {
    expect(() => requireObjectName(name)).toThrow(expect.objectContaining({ code: 'invalid_object_name' }))
  })
  it('come from paths', () => {
    expect(readObjectPath('photos/a%20b/c.png')).toEqual({ bucket: 'photos', name: 'a b/c.png' })
    for (const path of ['photos', 'photos/', '/x', '%ff/x', 'a%00/b'])
      expect(() => readObjectPath(path)).toThrow(expect.objectContaining({ code: 'invalid_object_name' }))
  })
})

it('names of buckets have no slash and no space at an end', () => {
  expect(requireBucketName('my bucket-1')).toBe('my bucket-1')
  for (const name of ['', ' a', 'a ', 'a/b', '..', 'x'.repeat(101), 7, undefined])
    expect(() => requireBucketName(name)).toThrow(expect.objectContaining({ code: 'invalid_bucket_name' }))
})

it('sizes are numbers of bytes, or have a unit', () => {
  expect(['1', 5, '20GB', '1.5mb', '30KB', '3B'].map(readFileSize)).toEqual([1, 5, 20e9, 1.5e6, 30_000, 3])
  for (const size of ['', '0', '-1', '1 GB', '1TB', 'x', '1e9', '9999999999GB'])
    expect(() => readFileSize(size)).toThrow(expect.objectContaining({ code: 'invalid_storage_request' }))
})
