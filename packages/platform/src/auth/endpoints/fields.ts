import { z } from 'zod'

const orNothing = (text: string | null | undefined): string | undefined => text || undefined

/** Text that may be left out, null or empty, which all mean that it is not given. */
export const optionalText = z.string().nullish().transform(orNothing)

/**
 * A password that may be left out, as {@link optionalText}. Halves of surrogate pairs all become one character on the
 * way to a hash and bcrypt repeats what ends with NUL, so that different passwords would be the same.
 */
export const optionalPassword = z
  .string()
  .refine((text) => text.isWellFormed() && !text.includes('\0'), {
    error: 'must be free of NUL characters and lone surrogates',
  })
  .nullish()
  .transform(orNothing)

export const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined)
