import { describe, expect, it, test } from 'vitest'
import { oneLine, requireMailAddress, requirePhoneNumber, requireSendable } from './check-message.ts'
import { composed, messageIdOf } from './smtp-transport.ts'

const mail = { key: 'k', to: 'ada@example.com', subject: 'Hello', text: 'Hello' }

describe('an address', () => {
  it.each(['ada@example.com', "o'neil+tag@mail.example.co.uk", 'a@b', `${'a'.repeat(64)}@example.com`])(
    'is taken: %s',
    (address) => {
      expect(requireMailAddress(address)).toBe(address)
    },
  )

  it('goes out with its domain in ASCII', () => {
    expect(requireMailAddress('ada@bücher.example')).toBe('ada@xn--bcher-kva.example')
  })

  it.each([
    '',
    '@example.com',
    'ada',
    'ada@',
    'ada@example.com\r\nBcc: eve@example.com',
    'ada@example.com, eve@example.com',
    'Ada <ada@example.com>',
    '"ada eve"@example.com',
    'ada@exam ple.com',
    'ada@[127.0.0.1]',
    'ada@example..com',
    '.ada@example.com',
    'ada\u0000@example.com',
    'ada\u2028@example.com',
    `${'a'.repeat(65)}@example.com`,
    `ada@${'a.'.repeat(130)}com`,
  ])('is refused: %j', (address) => {
    expect(() => requireMailAddress(address)).toThrow(
      expect.objectContaining({ code: 'message_address_invalid' }),
    )
  })
})

test('a number is written as E.164, and refused when it is none', () => {
  expect(requirePhoneNumber('4915112345678')).toBe('+4915112345678')
  for (const number of ['', '+0151', '+49 151 1', '+49151\r\n1234567', '12', `+${'1'.repeat(16)}`])
    expect(() => requirePhoneNumber(number)).toThrow(
      expect.objectContaining({ code: 'message_number_invalid' }),
    )
})

test('a header that would begin another one is refused', () => {
  const refused = expect.objectContaining({ code: 'message_header_invalid' })
  expect(() => requireSendable({ ...mail, subject: 'Hello\r\nBcc: eve@example.com' })).toThrow(refused)
  expect(() => requireSendable({ ...mail, headers: { 'X-A\r\nBcc': 'b' } })).toThrow(refused)
  expect(() => requireSendable({ ...mail, headers: { 'X-A': 'a\nb' } })).toThrow(refused)
  const file = { filename: 'a\r\nb', contentType: 'text/plain', content: '' }
  expect(() => requireSendable({ ...mail, attachments: [file] })).toThrow(refused)
  expect(() =>
    requireSendable({ ...mail, attachments: [{ ...file, filename: 'a', contentType: 'a\r\nb' }] }),
  ).toThrow(refused)
  expect(() => requireSendable(mail)).not.toThrow()
})

test('one line is one line', () => {
  expect(oneLine(' a\r\n\u2028b\u0000c ')).toBe('a b c')
})

test('the same key is the same Message-ID in the sender’s domain', () => {
  const from = { name: 'Shop', address: 'mail@shop.example' }
  expect(composed(mail, from).messageId).toBe(messageIdOf('k', from.address))
  expect(messageIdOf('k', from.address)).toMatch(/^<[0-9a-f]{40}@shop\.example>$/)
  expect(messageIdOf('l', from.address)).not.toBe(messageIdOf('k', from.address))
})
