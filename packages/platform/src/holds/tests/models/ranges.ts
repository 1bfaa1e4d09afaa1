import { type Model, type ModelClaim, rows } from './model.ts'

export interface ModelResource {
  /** Minutes. */
  readonly before: number
  readonly after: number
  /** Null for a resource itself. */
  readonly members: readonly string[] | null
}

interface Slot {
  readonly key: string
  readonly claimed: string
  readonly resource: string
  readonly during: readonly [number, number]
  readonly blocks: readonly [number, number]
  until: number
  isCommitted: boolean
}

export interface RangeState {
  readonly resources: Readonly<Record<string, ModelResource>>
  slots: Slot[]
}

const isLive = (slot: Slot, now: number) => slot.isCommitted || slot.until > now
const overlap = (a: readonly [number, number], b: readonly [number, number]) => a[0] < b[1] && b[0] < a[1]

/** Undefined when it does not fit. */
function placeOne(state: RangeState, key: string, claim: ModelClaim, until: number, now: number) {
  const { thing, during = [0, 0] } = claim
  const { before, after, members } = state.resources[thing]!
  const live = state.slots.filter((slot) => isLive(slot, now))
  const own = live.find((slot) => slot.key === key && slot.claimed === thing)
  if (own?.isCommitted) return own.during[0] === during[0] && own.during[1] === during[1] ? live : 'committed'
  const others = live.filter((slot) => slot !== own)
  const blocks = [during[0] - before, during[1] + after] as const
  const fits = (resource: string) =>
    !others.some((slot) => slot.resource === resource && (overlap(slot.blocks, blocks) || slot.key === key))
  const candidates = members ?? [thing]
  const resource = [...(own ? [own.resource] : []), ...candidates].find(fits)
  if (!resource) return undefined
  return [...others, { key, claimed: thing, resource, during, blocks, until, isCommitted: false }]
}

/** Slots of resources and of groups. */
export const ranges: Model<RangeState> = {
  step(state, { do: what, key = '', keys = [], until = 0, claims = [] }, now) {
    switch (what) {
      case 'place': {
        const before = state.slots
        let isShort = false
        for (const claim of [...claims].sort(
          (a, b) => a.during![0] - b.during![0] || (a.thing < b.thing ? -1 : 1),
        )) {
          const placed = placeOne(state, key, claim, until, now)
          if (placed === 'committed') {
            state.slots = before
            return 'error: already_committed'
          }
          if (placed) state.slots = placed
          else isShort = true
        }
        if (isShort) state.slots = before
        return isShort ? 'short' : 'ok'
      }
      case 'commit': {
        state.slots = state.slots.filter((slot) => !keys.includes(slot.key) || isLive(slot, now))
        const found = state.slots.filter((slot) => keys.includes(slot.key))
        for (const slot of found) slot.isCommitted = true
        return rows(found.map((slot) => [slot.key, slot.resource, 1]))
      }
      case 'release': {
        const kept = state.slots.filter((slot) => !keys.includes(slot.key) || slot.isCommitted)
        const released = state.slots.filter((slot) => isLive(slot, now) && !kept.includes(slot)).length
        state.slots = kept
        return released
      }
      case 'return': {
        const found = state.slots.filter((slot) => keys.includes(slot.key) && slot.isCommitted)
        state.slots = state.slots.filter((slot) => !found.includes(slot))
        return rows(found.map((slot) => [slot.key, slot.resource, 1]))
      }
      default:
        throw new Error(`The model does not know ${what}.`)
    }
  },
  view: (state, now) =>
    rows(
      state.slots
        .filter((slot) => isLive(slot, now))
        .map((slot) => [`${slot.key} ${slot.isCommitted}`, slot.resource, slot.during[0]]),
    ),
}
