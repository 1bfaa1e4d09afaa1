import type { Clock } from '../../kernel/index.ts'
import type { TableCatalogue } from '../changes/describe-table.ts'
import { isStale, type PolicyCheck, type PolicyRequest } from '../changes/policies/check-policies.ts'
import { compositeText } from '../changes/row-values.ts'
import type { Session } from './session.ts'

export interface Rights {
  readonly read: boolean
  readonly write: boolean
}

/** What a session may do on a channel. */
export interface ChannelRights {
  readonly broadcast: Rights
  readonly presence: Rights
}

const all: Rights = { read: true, write: true }
/** A public channel is open to everyone who has a key. */
export const openRights: ChannelRights = { broadcast: all, presence: all }

export interface RightsContext {
  readonly catalogue: TableCatalogue
  readonly policies: PolicyCheck
  readonly clock: Clock
}

/**
 * Asks the policies of `realtime.messages` what a session may do on a private channel: a select policy that shows a
 * message of the extension lets it receive, an insert policy that takes one lets it send. A policy that raises allows
 * nothing.
 */
export async function readRights(
  context: RightsContext,
  session: Session,
  channel: string,
): Promise<ChannelRights> {
  try {
    return await askPolicies(context, session, channel)
  } catch (error) {
    if (!isStale(error)) throw error
    return askPolicies(context, session, channel)
  }
}

async function askPolicies(
  context: RightsContext,
  session: Session,
  channel: string,
): Promise<ChannelRights> {
  const table = await context.catalogue.find('realtime', 'messages')
  if (!table) throw new Error('The table realtime.messages is missing: were the migrations applied?')
  const now = context.clock.now().toISOString().replace('T', ' ').replace('Z', '')
  const images = ['broadcast', 'presence'].map((extension) => {
    const message: Record<string, string> = {
      topic: channel,
      extension,
      private: 't',
      id: '00000000-0000-0000-0000-000000000000',
      inserted_at: now,
      updated_at: now,
    }
    return compositeText(table.columns, message, () => true)
  })
  const request: Omit<PolicyRequest, 'question'> = {
    table,
    role: session.caller.role,
    sessions: [session],
    images,
    topic: channel,
  }
  const [read, write] = await Promise.all([
    context.policies.check({ ...request, question: 'read' }),
    context.policies.check({ ...request, question: 'add' }),
  ])
  const rightsAt = (index: number): Rights => ({
    read: read.allowed.get(session.key)?.[index] ?? false,
    write: write.allowed.get(session.key)?.[index] ?? false,
  })
  return { broadcast: rightsAt(0), presence: rightsAt(1) }
}
