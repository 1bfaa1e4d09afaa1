import { createHmac, timingSafeEqual } from 'node:crypto'
import { defineCapability } from '@plinth/platform/system'
import { z } from 'zod'

/** Links by which somebody without an account sees, moves and cancels a booking: what handlers find as `ctx.links`. */
export interface BookingLinks {
  /** The address of a booking for whoever has it. */
  urlOf(booking: string): string
  tokenOf(booking: string): string
  /** The booking that a token opens; null for one that was not signed here. */
  open(token: string): string | null
  /** The address of the project, without a trailing slash. */
  readonly projectUrl: string
}

const signatureBytes = 18

/** Signs links to bookings with a key of the project; nothing is stored for them. */
export const bookingLinks = () =>
  defineCapability({
    name: 'links',
    settings: z.object({
      page: z
        .url()
        .optional()
        .describe('Page of the app for a booking; the token is appended. Default: GET /book/manage/:token.'),
    }),
    open: ({ url, settings, deriveKey }) => {
      const key = deriveKey('kronium/booking-links')
      const sign = (id: Buffer) => createHmac('sha256', key).update(id).digest().subarray(0, signatureBytes)
      const tokenOf = (booking: string) => {
        const id = Buffer.from(booking.replaceAll('-', ''), 'hex')
        return Buffer.concat([id, sign(id)]).toString('base64url')
      }
      const links: BookingLinks = {
        projectUrl: url,
        tokenOf,
        urlOf: (booking) => `${settings.page ?? `${url}/book/manage/`}${tokenOf(booking)}`,
        open: (token) => {
          const bytes = Buffer.from(token, 'base64url')
          // One text for one token: the last letter has bits that decoding drops.
          if (bytes.length !== 16 + signatureBytes || bytes.toString('base64url') !== token) return null
          const id = bytes.subarray(0, 16)
          if (!timingSafeEqual(bytes.subarray(16), sign(id))) return null
          return id.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5')
        },
      }
      return { context: () => ({ links }), offer: links }
    },
  })
