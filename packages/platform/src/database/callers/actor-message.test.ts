import { createHmac } from 'node:crypto'
import { newSecret } from '@plinth/platform/kernel'
import { expect, test } from 'vitest'
import { createActorMessages } from './actor-message.ts'
import type { Actor } from './caller.ts'

const ada: Actor = { user: 'ada', role: 'authenticated', requestId: 'r', via: null, reason: 'für 🐘' }
const secret = newSecret()
const actors = createActorMessages(secret)

test('who wrote it with the same secret is read, in another process too', () => {
  const message = Buffer.from(actors.write(ada))
  expect(JSON.parse(String(actors.read(message)))).toEqual(ada)
  expect(JSON.parse(String(createActorMessages(secret).read(message)))).toEqual(ada)
})

test('another secret, no secret, and any altered, missing or added byte are nobody', () => {
  const message = Buffer.from(actors.write(ada))
  expect(createActorMessages(newSecret()).read(message)).toBeNull()
  expect(actors.read(Buffer.from(JSON.stringify(ada)))).toBeNull()
  expect(actors.read(Buffer.alloc(0))).toBeNull()
  expect(actors.read(Buffer.concat([message, Buffer.from(' ')]))).toBeNull()
  for (let at = 0; at < message.length; at += 1) {
    const altered = Buffer.from(message)
    altered[at]! ^= 1
    expect(actors.read(altered)).toBeNull()
    expect(actors.read(message.subarray(0, at))).toBeNull()
  }
})

test('no two messages of one actor are alike', () => {
  const other = createActorMessages(secret)
  const written = [actors.write(ada), actors.write(ada), other.write(ada), other.write(ada)]
  expect(new Set(written).size).toBe(4)
  expect(new Set(written.map((message) => message.slice(0, 43))).size).toBe(4)
})

test('the MAC is HMAC-SHA-256', () => {
  const message = actors.write(ada)
  const expected = createHmac('sha256', secret).update(message.slice(43)).digest('base64url')
  expect(message.slice(0, 43)).toBe(expected)
})

test.each(['', 'x'.repeat(65)])('a secret of unusable length is refused', (unusable) => {
  expect(() => createActorMessages(unusable)).toThrow('1 to 64 bytes')
})
