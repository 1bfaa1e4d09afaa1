import type { Readable } from 'node:stream'
import type { Sharp } from 'sharp'
import { AppError } from '../../kernel/index.ts'
import type { StoredContent, Vault } from '../bytes/vault.ts'
import { storageErrors } from '../errors.ts'
import type { ImageCache } from './image-cache.ts'
import { createBoundedQueue } from './run-bounded.ts'
import {
  chooseFormat,
  describeTransformation,
  type ImageFormat,
  type Transformation,
} from './transformation.ts'

export interface RenderedImage {
  readonly type: string
  readonly bytes: Buffer
}

/** Images, resized and packed anew. */
export interface ImageRenderer {
  /** Fails with `image_refused` for what is no image, or too large a one, and with `images_busy`. */
  render(
    content: StoredContent,
    type: string,
    wanted: Transformation,
    accept: string | undefined,
  ): Promise<RenderedImage>
  /** Forgets transformed images. */
  clear(): Promise<void>
}

export interface ImageRendererOptions {
  readonly vault: Vault
  readonly cache: ImageCache
  /** Most pixels of the original. */
  readonly pixels: number
}

/** Largest file that is looked at. Bytes. */
const largestFile = 100 * 1_024 * 1_024
/** Longest that one image may take. Seconds. */
const longest = 20
/** Each takes a thread and the memory of a whole image. */
const atOnce = 2
const mayWait = 100

const formats: Readonly<Record<string, ImageFormat>> = {
  'image/jpeg': 'jpeg',
  'image/jpg': 'jpeg',
  'image/png': 'png',
  'image/webp': 'webp',
  'image/avif': 'avif',
  'image/gif': 'gif',
  'image/tiff': 'tiff',
}

/** What the image library reads: nothing that can name other files, run scripts or call another program. */
const loaders = ['Jpeg', 'Png', 'Webp', 'Heif', 'Nsgif', 'Tiff'].map((name) => `VipsForeignLoad${name}`)

type MakeSharp = typeof import('sharp').default
let loading: Promise<MakeSharp> | undefined

/** Loaded with the first image: it takes a tenth of a second and 20 MB. */
function loadSharp(): Promise<MakeSharp> {
  loading ??= import('sharp').then(({ default: sharp }) => {
    sharp.block({ operation: ['VipsForeignLoad'] })
    sharp.unblock({ operation: loaders })
    sharp.cache(false)
    sharp.concurrency(1)
    return sharp
  })
  return loading
}

/** Renders on the threads of the image library, a few at once; each result is kept, and made once however many ask. */
export function createImageRenderer({ vault, cache, pixels }: ImageRendererOptions): ImageRenderer {
  const bounded = createBoundedQueue(atOnce, mayWait)
  const running = new Map<string, Promise<Buffer>>()
  const refuse = (problem: string, cause?: unknown) => storageErrors.image_refused({ problem, pixels }, cause)

  return {
    render: async (content, type, wanted, accept) => {
      const original = formats[type.split(';')[0]!.trim()]
      if (!original) throw refuse(`it is ${type}`)
      if (content.size > largestFile) throw refuse('the file is too large')
      const format = chooseFormat(wanted.format, accept, original)
      const key = `${content.id} ${describeTransformation({ ...wanted, format: undefined })} ${format}`
      const bytes = await once(key, () => make(key, content, wanted, format))
      return { type: `image/${format}`, bytes }
    },
    clear: () => cache.clear(),
  }

  function once(key: string, work: () => Promise<Buffer>): Promise<Buffer> {
    const rendering = running.get(key) ?? work().finally(() => running.delete(key))
    running.set(key, rendering)
    return rendering
  }

  async function make(key: string, content: StoredContent, wanted: Transformation, format: ImageFormat) {
    // What is encrypted at rest is not kept in the clear beside it.
    const kept = content.isSealed ? undefined : await cache.read(key)
    if (kept) return kept
    const bytes = await bounded(async () => {
      const sharp = await loadSharp()
      return transform(sharp, await vault.read(content), wanted, format)
    })
    if (!bytes) throw storageErrors.images_busy()
    if (!content.isSealed) await cache.write(key, bytes)
    return bytes
  }

  async function transform(
    sharp: MakeSharp,
    source: Readable,
    wanted: Transformation,
    format: ImageFormat,
  ): Promise<Buffer> {
    const { width, height, resize = 'cover', quality } = wanted
    const pipeline: Sharp = sharp({ limitInputPixels: pixels, failOn: 'error', sequentialRead: true })
      .autoOrient()
      .resize({
        width,
        height,
        fit: resize === 'contain' ? 'inside' : resize,
        withoutEnlargement: resize !== 'fill',
      })
      .toFormat(format, { ...(quality === undefined ? {} : { quality }) })
      .timeout({ seconds: longest })
    source.once('error', (error) => pipeline.destroy(error))
    try {
      return await source.pipe(pipeline).toBuffer()
    } catch (error) {
      throw error instanceof AppError ? error : refuse('it is damaged, or too large', error)
    } finally {
      source.destroy()
    }
  }
}
