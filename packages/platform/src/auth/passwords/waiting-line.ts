/** Whose work it is: places are shared between projects, and within a project between addresses. */
export interface Turn {
  readonly project: string
  /** The client's address, an IPv6 one by its first 64 bits. */
  readonly address: string
}

/**
 * Runs work a few at a time; the rest waits. Projects take turns, and within a project addresses do, each in the order
 * of arrival: a crowd at one address delays nobody else by more than one piece of work.
 */
export interface WaitingLine {
  /**
   * The result of `work` when its turn came. When all places are taken, the newest of the largest crowd (of the project
   * with most waiting, the address with most waiting) is turned away with `refusal()` for the one who comes, or the one
   * who comes when it belongs to that crowd.
   */
  run<T>(turn: Turn, work: () => Promise<T>): Promise<T>
}

export interface WaitingLineOptions {
  /** How much runs at once. */
  readonly atOnce: number
  /** How much may wait. */
  readonly places: number
  readonly refusal: () => Error
}

interface Waiter {
  readonly start: () => void
  readonly refuse: (error: Error) => void
}

/** Who waits, by project and address; the order of the keys is the order of turns. */
type Crowds = Map<string, Map<string, Waiter[]>>

export function createWaitingLine({ atOnce, places, refusal }: WaitingLineOptions): WaitingLine {
  const crowds: Crowds = new Map()
  let running = 0
  let waiting = 0

  const wait = (turn: Turn) =>
    new Promise<void>((start, refuse) => {
      if (waiting < places) waiting += 1
      else makeRoom(crowds, turn, refusal)
      join(crowds, turn, { start, refuse })
    })
  return {
    run: async (turn, work) => {
      if (running < atOnce) running += 1
      else await wait(turn)
      try {
        return await work()
      } finally {
        const next = takeNext(crowds)
        if (next) {
          waiting -= 1
          next.start()
        } else running -= 1
      }
    },
  }
}

function join(crowds: Crowds, { project, address }: Turn, waiter: Waiter): void {
  const addresses = crowds.get(project) ?? new Map<string, Waiter[]>()
  crowds.set(project, addresses)
  const line = addresses.get(address) ?? []
  addresses.set(address, line)
  line.push(waiter)
}

/** The first of the address whose turn it is, in the project whose turn it is; both go to the end. */
function takeNext(crowds: Crowds): Waiter | undefined {
  const [project, addresses] = crowds.entries().next().value ?? []
  if (project === undefined || addresses === undefined) return undefined
  const [address, line] = addresses.entries().next().value!
  const waiter = line.shift()
  addresses.delete(address)
  if (line.length > 0) addresses.set(address, line)
  crowds.delete(project)
  if (addresses.size > 0) crowds.set(project, addresses)
  return waiter
}

/** Turns the newest of the largest crowd away; fails with `refusal()` when the one who comes would be that. */
function makeRoom(crowds: Crowds, turn: Turn, refusal: () => Error): void {
  const project = largerThan(crowds, turn.project, countWaiting) ?? turn.project
  const addresses = crowds.get(project)
  const rival = project === turn.project ? turn.address : undefined
  const address = addresses && largerThan(addresses, rival, (line) => line.length)
  const line = address === undefined ? undefined : addresses?.get(address)
  if (!addresses || address === undefined || !line) throw refusal()
  line.pop()?.refuse(refusal())
  if (line.length === 0) addresses.delete(address)
  if (addresses.size === 0) crowds.delete(project)
}

/** The largest entry, when it is larger than the rival's would be with one more. */
function largerThan<T>(
  entries: Map<string, T>,
  rival: string | undefined,
  sizeOf: (entry: T) => number,
): string | undefined {
  const own = rival === undefined ? undefined : entries.get(rival)
  let most = rival === undefined ? 0 : (own === undefined ? 0 : sizeOf(own)) + 1
  let found: string | undefined
  for (const [name, entry] of entries) {
    if (name === rival || sizeOf(entry) <= most) continue
    most = sizeOf(entry)
    found = name
  }
  return found
}

const countWaiting = (addresses: Map<string, Waiter[]>): number =>
  [...addresses.values()].reduce((sum, line) => sum + line.length, 0)
