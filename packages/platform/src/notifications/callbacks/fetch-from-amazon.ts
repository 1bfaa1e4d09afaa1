import { type FetchCertificate, isAmazon } from './sns-events.ts'

const patience = 10_000
const longestAnswer = 65_536
const keptAnswers = 10

/** Fetches certificates and confirmations from Amazon's own hosts; certificates are kept, their addresses never change. */
export function callbackFetcher(): FetchCertificate {
  const certificates = new Map<string, string>()
  return async (url) => {
    if (!isAmazon(url)) throw new Error('not an address of Amazon SNS')
    const known = certificates.get(url)
    if (known) return known
    const answer = await fetch(url, { redirect: 'error', signal: AbortSignal.timeout(patience) })
    const text = (await answer.text()).slice(0, longestAnswer)
    if (!answer.ok) throw new Error(`answered ${answer.status}`)
    if (url.endsWith('.pem') && certificates.size < keptAnswers) certificates.set(url, text)
    return text
  }
}
