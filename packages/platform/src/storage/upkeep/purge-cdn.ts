import { messageOf } from '../../kernel/index.ts'

export interface PurgeOptions {
  /** Where the CDN, or what speaks to it, is told. */
  readonly url: string
  readonly token: string | undefined
  /** Of the project. */
  readonly projectUrl: string
}

/** Longest wait for the answer. Milliseconds. */
const longest = 10_000

/** Posts `{"urls": […]}`, the public addresses that have changed; an address of a bucket stands for all below it. */
export async function postPurge(
  { url, token, projectUrl }: PurgeOptions,
  paths: readonly string[],
): Promise<void> {
  const areas = ['object/public', 'render/image/public']
  const urls = paths.flatMap((path) =>
    areas.map((area) => encodeURI(`${projectUrl}/storage/v1/${area}/${path}`)),
  )
  const answer = await fetch(url, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...(token ? { authorization: `Bearer ${token}` } : {}) },
    body: JSON.stringify({ urls }),
    signal: AbortSignal.timeout(longest),
    redirect: 'error',
  }).catch((error: unknown) => {
    throw new Error(`the CDN was not told: ${messageOf(error)}`, { cause: error })
  })
  await answer.body?.cancel()
  if (!answer.ok) throw new Error(`the CDN was not told: it answered ${answer.status}`)
}
