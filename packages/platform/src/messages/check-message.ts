import { domainToASCII } from 'node:url'
import { messageErrors } from './errors.ts'
import type { OutgoingMail } from './outgoing.ts'

/** RFC 5321, 4.5.3.1: 64 octets before the @, 254 in all. */
const longestAddress = 254
const longestLocal = 64
const longestHeader = 2_000

/** What RFC 5322 calls a dot-atom; quoted local parts and comments are not mail that anybody sends. */
const localPart = /^[a-z0-9!#$%&'*+/=?^_`{|}~-]+(\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*$/i
const domainPart = /^(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/i
/** Everything that ends a line or is invisible in one. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a header
const control = /[\u0000-\u001f\u007f\u0085\u2028\u2029]/

/** The address as it goes on the wire, its domain in ASCII. Fails with `message_address_invalid`. */
export function requireMailAddress(address: string): string {
  const at = address.lastIndexOf('@')
  const [local, domain] = [address.slice(0, at), domainToASCII(address.slice(at + 1))]
  const wire = `${local}@${domain}`
  const valid =
    at > 0 &&
    !control.test(address) &&
    local.length <= longestLocal &&
    wire.length <= longestAddress &&
    localPart.test(local) &&
    domainPart.test(domain)
  if (!valid) throw messageErrors.message_address_invalid({ address: shown(address) })
  return wire
}

/** The number as E.164 writes it: `+4915112345678`. Fails with `message_number_invalid`. */
export function requirePhoneNumber(number: string): string {
  const [, digits] = /^\+?([1-9]\d{6,14})$/.exec(number) ?? []
  if (digits === undefined) throw messageErrors.message_number_invalid({ number: shown(number) })
  return `+${digits}`
}

/** Text as one line of a header: a line break in it would begin another header. */
export const oneLine = (text: string, longest = 250): string =>
  text
    // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what must not be in a header
    .replace(/[\u0000-\u001f\u007f\u0085\u2028\u2029]+/g, ' ')
    .trim()
    .slice(0, longest)

/** Refuses a mail that would not go out as it looks. Fails with codes of {@link messageErrors}. */
export function requireSendable(mail: OutgoingMail): void {
  requireMailAddress(mail.to)
  if (mail.replyTo !== undefined) requireMailAddress(mail.replyTo)
  const fields = { Subject: mail.subject, ...mail.headers }
  for (const [name, value] of Object.entries(fields)) {
    if (!/^[A-Za-z0-9-]{1,76}$/.test(name) || control.test(value) || value.length > longestHeader)
      throw messageErrors.message_header_invalid({ name: shown(name) })
  }
  for (const { filename, contentType } of mail.attachments ?? []) {
    if (control.test(filename) || filename.length > 250)
      throw messageErrors.message_header_invalid({ name: 'Content-Disposition' })
    if (control.test(contentType) || contentType.length > 250)
      throw messageErrors.message_header_invalid({ name: 'Content-Type' })
  }
}

/** For a message: nothing that could break a line of a log. */
const shown = (text: string): string => JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text)
