import { expect, test } from 'vitest'
import { newId, newKey, unseal } from '../../kernel/index.ts'
import { packBlocks, unpackBlocks } from './packed-blocks.ts'
import { type BlockToSeal, sealBlock } from './seal-block.ts'
import { sealBlocks } from './seal-blocks.ts'
import { type BlockContent, blocksOf, openImages, type SealedBlock } from './sealed-images.ts'

const keys = Array.from({ length: 3 }, () => ({ id: newId(), key: newKey() }))
const blocks = (count: number): BlockToSeal[] =>
  Array.from({ length: count }, (_, n) => ({
    key: keys[n % 3]!,
    relation: n % 2 === 0 ? 'public.customers' : 'public.members',
    content: Buffer.from(JSON.stringify({ after: { email: `${n}@example.test` } })),
  }))

test('blocks go to another thread and back as they are', () => {
  expect(unpackBlocks(packBlocks(blocks(7)))).toEqual(blocks(7))
  expect(unpackBlocks(packBlocks([]))).toEqual([])
})

test.each([3, 1_000])('%i blocks are sealed each under its person’s key, in their order', async (count) => {
  const given = blocks(count)
  const sealed = await sealBlocks(given)
  expect(sealed).toHaveLength(count)
  const opened = sealed.map((text, n) => {
    const { key, sealed: bytes } = JSON.parse(text.toString()) as SealedBlock
    expect(key).toBe(given[n]!.key.id)
    return unseal(given[n]!.key.key, Buffer.from(bytes, 'base64'), given[n]!.relation)
  })
  expect(opened).toEqual(given.map(({ content }) => content))
})

test('a block of an update opens both images; without the key its values are undefined and its columns are known', () => {
  const content: BlockContent = { before: { email: 'a@a', city: 'X' }, after: { email: 'b@b' } }
  const block = JSON.parse(
    sealBlock({ key: keys[0]!, relation: 't', content: Buffer.from('{}') }).toString(),
  ) as SealedBlock
  const before = { id: '1', email: 0, city: 0, phone: null, '': block } as const
  const after = { email: 0 } as const
  expect(blocksOf(before, after, null)).toEqual([block])
  expect(openImages('t', { before, after }, () => content)).toEqual({
    before: { id: '1', email: 'a@a', city: 'X', phone: null },
    after: { email: 'b@b' },
  })
  const closed = openImages('t', { before, after: null }, () => undefined)
  expect(closed).toEqual({
    before: { id: '1', email: undefined, city: undefined, phone: null },
    after: null,
  })
  expect(Object.keys(closed.before!)).toEqual(['id', 'email', 'city', 'phone'])
})
