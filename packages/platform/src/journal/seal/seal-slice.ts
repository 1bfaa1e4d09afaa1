import type { JournalSession } from '../journal-session.ts'
import { type SubjectKey, sealBlock } from './seal-block.ts'
import { sealBlocks } from './seal-blocks.ts'
import { type SubjectKeys, subjectName } from './subject-keys.ts'

/** Seals the blocks of one slice of the stream, which is encoded several times until all that it takes is known. */
export interface SliceSealer {
  /** Another pass begins: blocks come in the same order again. */
  begin(): void
  /** The next block as it stands in an image; undefined when it has to be sealed by {@link SliceSealer.prepare}. */
  seal(subject: string, relation: string, content: Buffer): Buffer | undefined
  /** True when the pass had blocks that are not sealed yet. */
  isBehind(): boolean
  /** Seals them: loads the keys of their persons, and makes those that are missing, in the session's transaction. */
  prepare(session: JournalSession): Promise<void>
}

/** So many blocks are sealed at once when the keys are known: more would keep the event loop busy. */
const atOnce = 64

export function createSliceSealer(keys: SubjectKeys): SliceSealer {
  /** The slice's own, so that none is forgotten before its end, however many persons are in it. */
  const known = new Map<string, SubjectKey>()
  const sealed: Buffer[] = []
  let wanted: {
    readonly place: number
    readonly subject: string
    readonly relation: string
    readonly content: Buffer
  }[] = []
  let place = 0
  let sealedAtOnce = 0

  function keyOf(subject: string): SubjectKey | undefined {
    const key = known.get(subject) ?? keys.find(subject)
    if (key) known.set(subject, key)
    return key
  }

  return {
    begin: () => {
      place = 0
      wanted = []
    },
    seal: (person, relation, content) => {
      const subject = subjectName(person)
      const at = place
      place += 1
      if (sealed[at]) return sealed[at]
      const key = keyOf(subject)
      if (key && sealedAtOnce < atOnce) {
        sealedAtOnce += 1
        sealed[at] = sealBlock({ key, relation, content })
        return sealed[at]
      }
      wanted.push({ place: at, subject, relation, content })
      return undefined
    },
    isBehind: () => wanted.length > 0,
    prepare: async (session) => {
      const missing = new Set(wanted.map(({ subject }) => subject).filter((subject) => !keyOf(subject)))
      if (missing.size > 0)
        for (const [subject, key] of await keys.load(session, [...missing])) known.set(subject, key)
      const blocks = wanted.map(({ subject, relation, content }) => ({
        key: keyOf(subject)!,
        relation,
        content,
      }))
      const made = await sealBlocks(blocks)
      wanted.forEach(({ place: at }, index) => {
        sealed[at] = made[index]!
      })
      wanted = []
    },
  }
}
