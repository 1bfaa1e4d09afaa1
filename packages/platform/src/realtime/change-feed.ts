import type { Tail } from '../tail/index.ts'

/** What realtime needs of the tail. */
export type ChangeFeed = Pick<
  Tail,
  'isOff' | 'subscribe' | 'holds' | 'position' | 'writeMark' | 'synchronise'
>
