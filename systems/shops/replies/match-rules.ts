import { RE2JS } from 're2js'

/** A rule of `keyword_replies`, in the order in which rules are tried. */
export interface ReplyRule {
  readonly id: string
  readonly keywords: readonly string[]
  readonly match_type: 'exact' | 'contains' | 'word' | 'regex'
  readonly chat: boolean
  readonly comments: boolean
}

/** A shop's rules, ready to be asked. */
export interface RuleSet {
  /** Ids of the rules that a text fits, in the order in which they are tried. Takes time in proportion to the text. */
  matching(text: string, where: 'chat' | 'comments'): readonly string[]
  /** Regular expressions that RE2 does not have, with the reason; they match nothing. */
  readonly broken: readonly { readonly rule: string; readonly keyword: string; readonly problem: string }[]
}

/** Customers ask in a few words; what comes after these characters decides nothing. */
const longestText = 2_000
/** Of one regular expression. */
const longestPattern = 500
/** Times that the counts of one expression multiply to: a{20}{20} is 400. */
const mostRepetitions = 1_000

/** Compiles rules. Regular expressions are RE2's: no back references, no look-around, linear time. */
export function compileRules(rules: readonly ReplyRule[]): RuleSet {
  const broken: { rule: string; keyword: string; problem: string }[] = []
  const compiled = rules.map((rule) => {
    const tests = rule.keywords.flatMap((keyword) => {
      try {
        return [testOf(rule.match_type, keyword)]
      } catch (error) {
        broken.push({
          rule: rule.id,
          keyword,
          problem: error instanceof Error ? error.message : String(error),
        })
        return []
      }
    })
    return { rule, fits: (text: string) => tests.some((test) => test(text)) }
  })
  return {
    broken,
    matching: (text, where) => {
      const folded = fold(text.slice(0, longestText))
      return compiled.filter(({ rule, fits }) => rule[where] && fits(folded)).map(({ rule }) => rule.id)
    },
  }
}

type Test = (folded: string) => boolean

function testOf(type: ReplyRule['match_type'], keyword: string): Test {
  const wanted = fold(keyword)
  // An empty keyword would fit everything.
  if (wanted === '') return () => false
  if (type === 'exact') return (text) => text === wanted
  if (type === 'contains') return (text) => text.includes(wanted)
  if (type === 'word') return (text) => hasWord(text, wanted)
  return testOfPattern(keyword)
}

function testOfPattern(pattern: string): Test {
  if (pattern.length > longestPattern) throw new RangeError(`it has more than ${longestPattern} characters`)
  if (repetitionsOf(pattern) > mostRepetitions)
    throw new RangeError('its counts multiply to too many repetitions')
  const expression = RE2JS.compile(pattern.normalize('NFKC'), RE2JS.CASE_INSENSITIVE)
  return (text) => expression.matcher(text).find()
}

/** What the counts of an expression multiply to, as if each stood within the others. */
const repetitionsOf = (pattern: string): number =>
  [...pattern.matchAll(/\{(\d+)(?:,(\d*))?\}/g)].reduce(
    (product, [, from, to]) => product * Math.max(1, Number(from), Number(to ?? 0)),
    1,
  )

/** Width, case and spaces do not count. */
const fold = (text: string): string => text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim()

const isPartOfWord = /[\p{L}\p{N}\p{M}_]/u

function hasWord(text: string, word: string): boolean {
  for (let at = text.indexOf(word); at >= 0; at = text.indexOf(word, at + 1)) {
    const before = [...text.slice(Math.max(0, at - 2), at)].at(-1) ?? ''
    const after = String.fromCodePoint(text.codePointAt(at + word.length) ?? 32)
    if (!isPartOfWord.test(before) && !isPartOfWord.test(after)) return true
  }
  return false
}
