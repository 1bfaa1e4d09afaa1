import { z } from 'zod'

/** Text that may be left out, null or empty, which all mean that it is not given. */
export const optionalText = z
  .string()
  .nullish()
  .transform((text) => text || undefined)

export const optionalFlag = z
  .boolean()
  .nullish()
  .transform((flag) => flag ?? undefined)
