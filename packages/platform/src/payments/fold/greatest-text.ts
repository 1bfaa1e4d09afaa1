/** The later of two texts in the order of their code units; which one does not depend on their order. */
export const greatestText = (a: string, b: string): string => [a, b].sort()[1]!
