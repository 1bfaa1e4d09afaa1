import { messageOf } from '@plinth/platform/kernel'
import { RE2JS, RE2Set } from 're2js'

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
const mostRepetitions = 200
/** Regular expressions of a shop: compiling them holds the process up, about 0.2 ms each. */
const mostPatterns = 200
/** Of the machine that a shop's expressions are made into while texts are matched. */
const mostMachineBytes = 2 * 1024 * 1024

/** Compiles rules. Regular expressions are RE2's: no back references, no look-around, all of a shop tried in one pass. */
export function compileRules(rules: readonly ReplyRule[]): RuleSet {
  const broken: { rule: string; keyword: string; problem: string }[] = []
  const patterns = createPatterns()
  const compiled = rules.map((rule) => {
    const tests = rule.keywords.flatMap((keyword) => {
      try {
        return [rule.match_type === 'regex' ? patterns.add(keyword) : testOf(rule.match_type, keyword)]
      } catch (error) {
        broken.push({ rule: rule.id, keyword, problem: messageOf(error) })
        return []
      }
    })
    return { rule, tests }
  })
  return {
    broken,
    matching: (text, where) => {
      const folded = fold(text.slice(0, longestText))
      const found = patterns.match(folded)
      return compiled
        .filter(({ rule, tests }) => rule[where] && tests.some((test) => test(folded, found)))
        .map(({ rule }) => rule.id)
    },
  }
}

/** Whether a keyword fits a folded text; `found` has the numbers of the expressions that do. */
type Test = (folded: string, found: ReadonlySet<number>) => boolean

function testOf(type: Exclude<ReplyRule['match_type'], 'regex'>, keyword: string): Test {
  const wanted = fold(keyword)
  // An empty keyword would fit everything.
  if (wanted === '') return () => false
  if (type === 'exact') return (text) => text === wanted
  if (type === 'contains') return (text) => text.includes(wanted)
  return (text) => hasWord(text, wanted)
}

/** The regular expressions of a shop as one machine. */
function createPatterns() {
  const set = new RE2Set(RE2Set.UNANCHORED, RE2JS.CASE_INSENSITIVE, mostMachineBytes)
  let count = 0
  return {
    add: (pattern: string): Test => {
      if (pattern.trim() === '') return () => false
      if (pattern.length > longestPattern)
        throw new RangeError(`it has more than ${longestPattern} characters`)
      if (count >= mostPatterns) throw new RangeError(`the shop has ${mostPatterns} expressions before it`)
      if (repetitionsOf(pattern) > mostRepetitions)
        throw new RangeError('its counts multiply to too many repetitions')
      const normal = pattern.normalize('NFKC')
      // One that is wrong is named by itself, and leaves the others alone.
      RE2JS.compile(normal, RE2JS.CASE_INSENSITIVE)
      const number = set.add(normal)
      count += 1
      return (_, found) => found.has(number)
    },
    match: (text: string): ReadonlySet<number> => new Set(count === 0 ? [] : set.match(text)),
  }
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
