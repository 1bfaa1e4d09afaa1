/** One measured figure, as `npm run bench -- --json` prints it, one a line. */
export interface Figure {
  readonly name: string
  readonly value: number
  /** `s`, `ms`, `µs`, `rows/s`, `MB`, `%`. */
  readonly unit: string
  /** This figure against the one it is measured beside, so that more is better; null for a figure that stands alone. */
  readonly ratio: number | null
  /** What `ratio` compares with. */
  readonly against: string | null
  /** What the issue asks for, in words: `ratio ≥ 0.7`, `< 3 s`. */
  readonly goal: string | null
}

/** A figure that stands alone. */
export const alone = (name: string, value: number, unit: string, goal: string | null): Figure => ({
  name,
  value,
  unit,
  ratio: null,
  against: null,
  goal,
})

export type Bench = () => AsyncIterable<Figure>

/** The middle of an odd number of measurements, the mean of the two middle ones otherwise. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = sorted.length >> 1
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
