import { describe, expect, it } from 'vitest'
import type { CertificateBundle } from '../credential/bundle.ts'
import { readCertificateFile, type VerifiedFacts } from '../page/verify.js'
import type { ShownCertificate } from '../service/verify.ts'
import { loadFonts } from './fonts.ts'
import { printCertificate } from './print-certificate.ts'
import { splitRuns } from './split-runs.ts'

const at = Date.UTC(2026, 0, 15)
const facts: VerifiedFacts = {
  ...{
    id: 'urn:uuid:1',
    number: 'CERT-2026-7K3QF-9XM4T',
    holder: 'Ada',
    course: 'SQL',
    issuer: 'Crash Courses',
  },
  ...{ startsAt: at, endsAt: at, validFrom: at, validUntil: null },
}

function shown(more: Partial<VerifiedFacts> = {}): ShownCertificate {
  const bundle: CertificateBundle = {
    format: 'plinth-certificate/1',
    credential: 'a.b.c',
    log: { index: 0, path: [], checkpoint: '' },
    status: [],
    address: 'https://courses.example/functions/v1/verify-certificate?token=6f1c2d3e4b5a69788796a5b4c3d2e1f0',
  }
  return {
    ...{ id: '1', userId: null, version: 1, token: '', pdfUrl: null, bundle },
    verification: { state: 'valid', since: at, facts: { ...facts, ...more } },
  }
}

describe('a printed certificate', () => {
  it('is the same bytes for the same certificate, and carries its file', async () => {
    const [one, two] = [await printCertificate(shown()), await printCertificate(shown())]
    expect(one.equals(two)).toBe(true)
    expect((await printCertificate(shown({ holder: 'Ben' }))).equals(one)).toBe(false)
    expect(await readCertificateFile(one)).toEqual(shown().bundle)
    expect(one.length).toBeLessThan(60_000)
  })

  it('has a fitting font for names of Europe and India', async () => {
    const fonts = await loadFonts()
    const fontOf = (text: string) =>
      splitRuns(text, fonts)?.map(({ font }) => font.replace(/^\d+-noto-sans-?/, ''))
    expect(fontOf('Zoë Łukasz Nguyễn Ελένη Ада O’Brien-Müller, Jr.')).toEqual([''])
    expect(fontOf('आशा श्रीवास्तव')).toEqual(['devanagari'])
    expect(fontOf('क्‍ष')).toEqual(['devanagari'])
    expect(fontOf('Asha आशा')).toEqual(['', 'devanagari'])
    for (const [name, script] of [
      ['অনন্যা', 'bengali'],
      ['ਹਰਪ੍ਰੀਤ', 'gurmukhi'],
      ['ગીતા', 'gujarati'],
      ['ସୁଜାତା', 'oriya'],
      ['தமிழ்ச்செல்வி', 'tamil'],
      ['శ్రీలక్ష్మి', 'telugu'],
      ['ಶ್ರೀನಿವಾಸ', 'kannada'],
      ['ശ്രീജിത്ത്', 'malayalam'],
    ])
      expect(fontOf(name!)).toEqual([script])
  })

  it.each(['王小明', 'محمد', '山田 太郎', 'Ada 🎓', '\u0000'])(
    'of %j, which no font here has, says where the name stands instead of printing boxes',
    async (holder) => {
      expect(splitRuns(holder, await loadFonts())).toBeNull()
      expect((await printCertificate(shown({ holder }))).length).toBeGreaterThan(1_000)
    },
  )

  it('takes the longest names and titles that there are', async () => {
    const long = await printCertificate(
      shown({ holder: 'W'.repeat(200), course: 'म'.repeat(200), validUntil: at }),
    )
    expect(long.subarray(0, 5).toString()).toBe('%PDF-')
  })
})
