import { openOwnerSession } from '@plinth/platform/database'
import type { Project } from '@plinth/platform/project'
import { serverErrors } from '../errors.ts'
import { createProgressBar } from '../terminal/progress-bar.ts'

/** Loads the demonstration of every project that has one. Gives the lines that the banner shows for them. */
export async function loadDemos(projects: readonly Project[], serverUrl: string): Promise<readonly string[]> {
  const lines: string[] = []
  for (const project of projects) {
    const { demo } = project.system
    if (!demo) continue
    const url = `${serverUrl}/${project.name}`
    const bar = createProgressBar(`demo of ${project.name}`)
    const { tryNext } = await demo({
      openSession: () => openOwnerSession({ addresses: project.database.addresses, via: 'demo' }),
      url,
      serviceRoleKey: project.keys.serviceRoleKey,
      createUser: (email, password) => createUser(url, project.keys.serviceRoleKey, email, password),
      onProgress: bar.show,
    }).finally(bar.stop)
    lines.push(...tryNext)
  }
  return lines
}

interface Account {
  readonly id: string
  readonly email?: string
}

/** Through the project's own auth surface, as any administrator would. */
async function createUser(url: string, key: string, email: string, password: string): Promise<string> {
  const headers = { apikey: key, authorization: `Bearer ${key}`, 'content-type': 'application/json' }
  const body = JSON.stringify({ email, password, email_confirm: true })
  const made = await fetch(`${url}/auth/v1/admin/users`, { method: 'POST', headers, body })
  if (made.ok) return ((await made.json()) as Account).id
  const listed = await fetch(`${url}/auth/v1/admin/users?per_page=1000`, { headers })
  const { users } = (await listed.json()) as { users: readonly Account[] }
  const found = users.find((user) => user.email === email)
  if (!found) throw serverErrors.demo_account({ email, status: made.status })
  return found.id
}
