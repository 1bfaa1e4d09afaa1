/** The order of two texts by their code units: negative, 0 or positive. */
export const compareTexts = (a: string, b: string): number => (a < b ? -1 : Number(a > b))

/** The later of two texts in that order; which one does not depend on theirs. */
export const greatestText = (a: string, b: string): string => (compareTexts(a, b) < 0 ? b : a)
