import { expect, it } from 'vitest'
import { trimSlashes } from './trim-slashes.ts'

it('takes slashes from the ends that are asked for, and none from between', () => {
  expect(trimSlashes('//a//b//')).toBe('//a//b')
  expect(trimSlashes('//a//b//', 'start')).toBe('a//b//')
  expect(trimSlashes('//a//b//', 'both')).toBe('a//b')
  expect(['', '/', '///'].map((text) => trimSlashes(text, 'both'))).toEqual(['', '', ''])
})
