import { z } from 'zod'

/** A fault that calls of the API meet. What is left out applies to every call. */
export const faultSchema = z.strictObject({
  /** HTTP method. */
  method: z.string().optional(),
  /** The call's path; `*` stands for anything, as in `/v1/refunds*`. */
  path: z.string().optional(),
  /** How many calls meet it. */
  times: z.number().int().min(1).default(1),
  /** How many matching calls pass before. */
  after: z.number().int().min(0).default(0),
  /** Milliseconds that the answer takes longer. */
  slow: z.number().int().min(0).default(0),
  /** Answers with this status, and does nothing. */
  status: z.number().int().min(400).max(599).optional(),
  /** Fields of the error that goes with the status; the provider's own form is made of them. */
  error: z.record(z.string(), z.unknown()).optional(),
  /** Cuts the connection: before the work is done, or after it is done and before the answer is sent. */
  hangUp: z.enum(['before', 'after']).optional(),
})

export type Fault = z.input<typeof faultSchema>
export type PlannedFault = z.output<typeof faultSchema>

export interface Faults {
  /** Plans a fault; the first one that matches a call is what it meets. */
  add(fault: Fault): void
  /** Takes all back. */
  clear(): void
  list(): readonly PlannedFault[]
  /** The fault that this call meets, which is used up by it. */
  take(method: string, path: string): PlannedFault | undefined
}

export function createFaults(state: { faults: PlannedFault[] }): Faults {
  return {
    add: (fault) => void state.faults.push(faultSchema.parse(fault)),
    clear: () => {
      state.faults = []
    },
    list: () => state.faults,
    take: (method, path) => {
      const found = state.faults.find((fault) => matches(fault, method, path))
      if (!found) return undefined
      if (found.after > 0) {
        found.after -= 1
        return undefined
      }
      found.times -= 1
      if (found.times === 0) state.faults = state.faults.filter((fault) => fault !== found)
      return found
    },
  }
}

function matches({ method, path }: PlannedFault, calledMethod: string, calledPath: string): boolean {
  if (method && method.toUpperCase() !== calledMethod) return false
  return !path || matchesPath(path.split('*'), calledPath)
}

/** Every piece has to follow the one before; the first one starts the path and the last one ends it. */
function matchesPath([first = '', ...rest]: string[], path: string): boolean {
  if (!path.startsWith(first)) return false
  if (rest.length === 0) return path === first
  const last = rest.pop()!
  let from = first.length
  for (const piece of rest) {
    const at = path.indexOf(piece, from)
    if (at < 0) return false
    from = at + piece.length
  }
  return path.length - last.length >= from && path.endsWith(last)
}
