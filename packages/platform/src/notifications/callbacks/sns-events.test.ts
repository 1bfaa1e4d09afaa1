import { createPublicKey } from 'node:crypto'
import { expect, test } from 'vitest'
import { simulateTopic } from '../tests/providers/aws.ts'
import { isAmazon, isSignedBySns, readSesEvent, readSnsEnvelope } from './sns-events.ts'

const arn = 'arn:aws:sns:eu-west-1:1:mail'
const topic = simulateTopic(arn)
const fetchCertificate = async () => topic.publicKey.export({ format: 'pem', type: 'spki' }).toString()
const read = (body: string) => readSnsEnvelope(Buffer.from(body))
const isSigned = (body: string, expected = arn) =>
  isSignedBySns(read(body), { topic: expected, fetchCertificate, readKey: createPublicKey })

const bounce = {
  eventType: 'Bounce',
  mail: { messageId: 'm1', timestamp: '2026-01-15T12:00:00Z', tags: { plinth_id: ['d1'] } },
  bounce: { bounceType: 'Permanent', bouncedRecipients: [{ emailAddress: 'gone@example.com' }] },
}

test('a message of the topic is known by its signature', async () => {
  const body = topic.post(bounce)
  expect(await isSigned(body)).toBe(true)
  expect(await isSigned(body.replace('Permanent', 'Transient'))).toBe(false)
  expect(await isSigned(body, 'arn:aws:sns:eu-west-1:1:other')).toBe(false)
  const confirmation = {
    Type: 'SubscriptionConfirmation',
    SubscribeURL: 'https://sns.eu-west-1.amazonaws.com/?a=1',
    Token: 't',
  }
  expect(await isSigned(topic.post({}, confirmation))).toBe(true)
})

test.each([
  ['https://sns.eu-west-1.amazonaws.com/cert.pem', true],
  ['http://sns.eu-west-1.amazonaws.com/cert.pem', false],
  ['https://sns.eu-west-1.amazonaws.com.evil.example/cert.pem', false],
  ['https://evil.example/sns.eu-west-1.amazonaws.com', false],
  ['https://sns.eu-west-1.amazonaws.com:8443/cert.pem', false],
  ['https://s3.eu-west-1.amazonaws.com/bucket/cert.pem', false],
])('a certificate of %s counts: %s', (url, expected) => {
  expect(isAmazon(url)).toBe(expected)
})

test('an event of SES is a fact, and a final bounce closes the address', () => {
  expect(readSesEvent(read(topic.post(bounce)))).toMatchObject({
    provider: 'ses',
    kind: 'bounced',
    delivery: 'd1',
    providerId: 'm1',
    closes: { channel: 'email', address: 'gone@example.com', scope: 'all' },
  })
  const transient = { ...bounce, bounce: { ...bounce.bounce, bounceType: 'Transient' } }
  expect(readSesEvent(read(topic.post(transient)))?.closes).toBeUndefined()
  expect(readSesEvent(read(topic.post({ ...bounce, eventType: 'Delivery', bounce: undefined })))?.kind).toBe(
    'delivered',
  )
  expect(readSesEvent(read(topic.post({ hello: 1 })))).toBeUndefined()
})
