import fc from 'fast-check'
import { type Bytes, bytesOf } from '../case.ts'

/** PNG, one red pixel. */
export const pixel: Bytes = {
  bytes: 'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mP8z8BQDwAEhQGAhKmMIQAAAABJRU5ErkJggg==',
}

/** Small files of each kind that is rendered, or pretends to be. */
const whole: readonly Buffer[] = [
  bytesOf(pixel),
  // GIF, one transparent pixel.
  Buffer.from('R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7', 'base64'),
  // WebP, one pixel.
  Buffer.from('UklGRiIAAABXRUJQVlA4IBYAAAAwAQCdASoBAAEADsD+JaQAA3AAAAAA', 'base64'),
  // The head of a JPEG that says it is 65,535 pixels wide and high.
  Buffer.from('ffd8ffe000104a46494600010101004800480000ffc0001108ffffffff03012200021101031101ffd9', 'hex'),
  // The head of a PNG that says the same.
  Buffer.from('89504e470d0a1a0a0000000d494844520000ffff0000ffff080600000000000000', 'hex'),
  Buffer.from(
    '<svg xmlns="http://www.w3.org/2000/svg" width="9999999" height="9999999"><script>alert(1)</script></svg>',
  ),
  Buffer.from('%PDF-1.4'),
]

/** One of them as it is, cut off, or with bytes changed. */
export const pictures: fc.Arbitrary<Bytes> = fc
  .record({
    file: fc.constantFrom(...whole),
    cut: fc.oneof({ weight: 3, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
    changes: fc.array(fc.tuple(fc.nat({ max: 255 }), fc.nat({ max: 10_000 })), { maxLength: 3 }),
  })
  .map(({ file, cut, changes }) => {
    const bytes = Buffer.from(file.subarray(0, Math.ceil(file.length * cut)))
    for (const [byte, at] of changes) if (bytes.length > 0) bytes[at % bytes.length] = byte
    return { bytes: bytes.toString('base64') }
  })
