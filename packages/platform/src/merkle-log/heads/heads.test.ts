import { createPrivateKey } from 'node:crypto'
import { expect, it } from 'vitest'
import { signingKeyOf } from '../../kernel/index.ts'
import { openHead, signHead } from './checkpoint.ts'
import { openNote, signNote, verifierKeyOf } from './signed-note.ts'

/** The example of golang.org/x/mod/sumdb/note, which C2SP's signed-note describes. */
const published = {
  name: 'PeterNeumann',
  seed: 'YEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz',
  verifier: 'PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW',
  text: "If you think cryptography is the answer to your problem,\nthen you don't know what your problem is.\n",
  signature:
    '— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n',
}
/** `A` and the seed's 43 characters are one byte of type and 32 of the seed. */
const seed = Buffer.from(`A${published.seed}`, 'base64').subarray(1)
const peter = signingKeyOf(seed)
const verifier = { name: published.name, publicKey: peter.publicBytes }

it('a note is signed and opened as the published one', () => {
  const note = `${published.text}\n${published.signature}`
  expect(verifierKeyOf(verifier)).toBe(published.verifier)
  expect(
    signNote(published.text, { name: published.name, privateKey: peter.privateKey }, peter.publicBytes),
  ).toBe(note)
  expect(openNote(note, verifier)).toBe(published.text)
})

it('a note of another text, name or key does not open; signatures of witnesses beside it do no harm', () => {
  const note = `${published.text}\n${published.signature}`
  const stranger = signingKeyOf(Buffer.alloc(32, 9))
  expect(openNote(note.replace('problem', 'Problem'), verifier)).toBeNull()
  expect(openNote(note, { ...verifier, publicKey: stranger.publicBytes })).toBeNull()
  expect(openNote(note.replace('— PeterNeumann', '— PeterNewman'), verifier)).toBeNull()
  expect(openNote('no note', verifier)).toBeNull()
  expect(openNote(`${note}— witness.example AAAA\n`, verifier)).toBe(published.text)
  expect(() =>
    signNote('no newline', { name: 'a', privateKey: peter.privateKey }, peter.publicBytes),
  ).toThrow('newline')
  expect(() => signNote('a\n', { name: 'a b', privateKey: peter.privateKey }, peter.publicBytes)).toThrow(
    'cannot be',
  )
})

it('a head is opened by its log only, and says no size that another reading could take for something else', () => {
  const log = signingKeyOf(Buffer.alloc(32, 1))
  const identity = {
    signer: { name: 'log.example/certificates', privateKey: log.privateKey },
    verifier: { name: 'log.example/certificates', publicKey: log.publicBytes },
  }
  const head = { size: 7, root: Buffer.alloc(32, 3) }
  const { note } = signHead(head, identity)
  expect(openHead(note, identity.verifier)).toEqual({ ...head, note })
  expect(openHead(note.replace('\n7\n', '\n8\n'), identity.verifier)).toBeNull()
  const odd = (text: string) => signNote(text, identity.signer, log.publicBytes)
  const root = head.root.toString('base64')
  for (const text of [
    `other.example\n7\n${root}\n`,
    `log.example/certificates\n07\n${root}\n`,
    `log.example/certificates\n-7\n${root}\n`,
    `log.example/certificates\n7\nAAAA\n`,
  ])
    expect(openHead(odd(text), identity.verifier)).toBeNull()
})

it('the same seed is the same key', () => {
  expect(signingKeyOf(Buffer.alloc(32, 1)).publicBytes).toEqual(signingKeyOf(Buffer.alloc(32, 1)).publicBytes)
  expect(createPrivateKey(peter.privateKey.export({ format: 'pem', type: 'pkcs8' })).asymmetricKeyType).toBe(
    'ed25519',
  )
})
