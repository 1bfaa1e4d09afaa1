import { settleElsewhere, type Tail } from '@plinth/platform/tail'
import { journalKeyOf, openTail } from './open-tail.ts'
import type { CommandProject } from './with-project.ts'

/** What a command needs of the tail: that everything committed so far is in the journal. */
export type SettlingTail = Pick<Tail, 'settle'>

/** Gives `work` the running server's tail, or one that lives as long as the command. */
export async function withTail<T>(
  project: CommandProject,
  work: (tail: SettlingTail) => Promise<T>,
): Promise<T> {
  const { database, secrets } = project
  if (project.url) return work(settleElsewhere(database))
  const { tail } = await openTail({ ...project, sealingKey: secrets.sealingKey })
  tail.start()
  try {
    return await work(tail)
  } finally {
    await tail.stop()
  }
}

/** Key and folder of a project's journal, as the server opens them. */
export const journalOf = ({ system, secrets, dataDir }: CommandProject) =>
  journalKeyOf(system, secrets.sealingKey, dataDir)
