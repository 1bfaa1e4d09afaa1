/** A font and what it can show. */
export interface FontCoverage {
  readonly name: string
  /** Whether the font has a glyph for a code point. */
  has(codePoint: number): boolean
}

export interface Run {
  readonly text: string
  readonly font: string
}

/** Characters that are drawn with whatever stands before them: spaces, marks, joiners. */
const joins = /[\p{M}\p{Zs}\u200c\u200d]/u

/**
 * Splits a text into runs of one font each, by the first font that has each character; marks, spaces and joiners stay with
 * what they follow. Null when a character is in none of the fonts.
 */
export function splitRuns(text: string, fonts: readonly FontCoverage[]): readonly Run[] | null {
  const runs: { text: string; font: FontCoverage }[] = []
  for (const character of text) {
    const last = runs.at(-1)
    const codePoint = character.codePointAt(0)!
    if (last && (joins.test(character) || last.font.has(codePoint))) {
      last.text += character
      continue
    }
    const font = fonts.find((each) => each.has(codePoint))
    if (!font) return null
    runs.push({ text: character, font })
  }
  return runs.map(({ text: run, font }) => ({ text: run, font: font.name }))
}
