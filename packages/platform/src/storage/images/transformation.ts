import { z } from 'zod'

/** Most pixels of a side that may be asked for. */
const longestSide = 5_000
const side = z.coerce.number().int().min(1).max(longestSide)

/** What may be asked of an image, under the names of Supabase's clients. */
export const transformation = z.object({
  width: side.optional(),
  height: side.optional(),
  /** `cover` fills the frame and crops, `contain` fits into it, `fill` distorts. */
  resize: z.enum(['cover', 'contain', 'fill']).optional(),
  quality: z.coerce.number().int().min(20).max(100).optional(),
  /** `origin`: as the image is. Left out: WebP where the client takes it. */
  format: z.enum(['origin', 'webp', 'avif', 'jpeg', 'png']).optional(),
})

export type Transformation = z.output<typeof transformation>

const members = ['width', 'height', 'resize', 'quality', 'format'] as const

/** One text for each transformation, for tokens and cache keys: `width:100,height:80`. */
export const describeTransformation = (wanted: Transformation): string =>
  members
    .filter((member) => wanted[member] !== undefined)
    .map((member) => `${member}:${wanted[member]}`)
    .join(',')

/** What {@link describeTransformation} described. */
export const readTransformation = (text: string): Transformation =>
  transformation.parse(Object.fromEntries(text.split(',').map((part) => part.split(':', 2))))

export type ImageFormat = 'jpeg' | 'png' | 'webp' | 'avif' | 'gif' | 'tiff'

/** The format of the answer: as asked, else what the client takes, else that of the original. */
export function chooseFormat(
  wanted: Transformation['format'],
  accept: string | undefined,
  original: ImageFormat,
): ImageFormat {
  if (wanted !== undefined && wanted !== 'origin') return wanted
  if (wanted === undefined && accept?.includes('image/webp')) return 'webp'
  return original
}
