/** PostgreSQL's names are no longer, and comparing a longer one costs the product of the lengths. */
const longestName = 63

/** The candidate that a misspelt name most likely meant, or undefined when none is close. */
export function nearestName(name: string, candidates: Iterable<string>): string | undefined {
  if (name.length > longestName) return undefined
  const limit = Math.max(1, Math.floor(name.length / 3))
  let best: string | undefined
  let bestDistance = limit + 1
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - name.length) >= bestDistance && !related(name, candidate)) continue
    const distance = related(name, candidate) ? 1 : editDistance(name, candidate)
    if (distance < bestDistance) {
      best = candidate
      bestDistance = distance
    }
  }
  return best
}

/** Singular and plural, and the same name in another case. */
const related = (left: string, right: string): boolean => {
  const [a, b] = [left.toLowerCase(), right.toLowerCase()]
  return a === b || `${a}s` === b || a === `${b}s`
}

/** Changed, missing, added and swapped letters. */
function editDistance(left: string, right: string): number {
  let beforePrevious: number[] = []
  let previous = Array.from({ length: right.length + 1 }, (_, index) => index)
  for (let row = 1; row <= left.length; row += 1) {
    const current = [row]
    for (let column = 1; column <= right.length; column += 1) {
      const change = left[row - 1] === right[column - 1] ? 0 : 1
      const swapped = left[row - 1] === right[column - 2] && left[row - 2] === right[column - 1]
      current.push(
        Math.min(
          previous[column]! + 1,
          current[column - 1]! + 1,
          previous[column - 1]! + change,
          swapped ? beforePrevious[column - 2]! + 1 : Number.POSITIVE_INFINITY,
        ),
      )
    }
    beforePrevious = previous
    previous = current
  }
  return previous[right.length]!
}
