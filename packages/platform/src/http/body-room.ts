/** The part of a room that one body has. */
export interface BodyPlace {
  /** Whether a body of so many bytes would find room now. Takes nothing. */
  fits(bytes: number): boolean
  /** Takes room for bytes that have come. False: there is none, and nothing was taken. */
  take(bytes: number): boolean
  /** Gives everything back. Safe to repeat. */
  leave(): void
}

/**
 * How many bytes of request bodies are held at once, whoever sent them. What counts is what has come, not what was
 * announced: a client that announces much and sends little takes room from nobody.
 */
export interface BodyRoom {
  /** `holder`: whose bytes they are; one holder has at most half of the room. */
  enter(holder: string): BodyPlace
}

/** Bytes of large bodies that a server holds at once where nobody says otherwise. */
const defaultBodyRoom = 128 * 1024 * 1024

/**
 * A room of `size` bytes. A body that is alone always fits, and so does the only one of a holder while the room is not
 * full: a limit for one body may be larger than the room.
 */
export function createBodyRoom(size: number = defaultBodyRoom): BodyRoom {
  let held = 0
  const heldBy = new Map<string, number>()
  return {
    enter: (holder) => {
      let own = 0
      let left = false
      const fits = (bytes: number): boolean => {
        const ofHolder = heldBy.get(holder) ?? 0
        const isFull = held > own && held + bytes > size
        const isUnfair = ofHolder > own && ofHolder + bytes > size / 2
        return !isFull && !isUnfair
      }
      const change = (bytes: number) => {
        own += bytes
        held += bytes
        const ofHolder = (heldBy.get(holder) ?? 0) + bytes
        if (ofHolder > 0) heldBy.set(holder, ofHolder)
        else heldBy.delete(holder)
      }
      return {
        fits,
        take: (bytes) => {
          if (left || !fits(bytes)) return false
          change(bytes)
          return true
        },
        leave: () => {
          left = true
          change(-own)
        },
      }
    },
  }
}
