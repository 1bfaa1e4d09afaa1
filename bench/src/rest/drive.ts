import { Agent, get } from 'node:http'

/** One request that is sent again and again. */
export interface Asked {
  /** Path with query string, given the number of the request. */
  path(number: number): string
  readonly headers: Record<string, string>
}

export interface Driven {
  readonly requestsPerSecond: number
  /** Milliseconds, sorted. */
  readonly latencies: readonly number[]
}

/** Sends as fast as `connections` connections allow for `milliseconds`; an answer that is not a 200 fails the bench. */
export async function drive(
  port: number,
  asked: Asked,
  connections: number,
  milliseconds: number,
): Promise<Driven> {
  const agent = new Agent({ keepAlive: true, maxSockets: connections })
  const latencies: number[] = []
  const until = performance.now() + milliseconds
  let number = 0
  const began = performance.now()
  const work = async () => {
    while (performance.now() < until) {
      const sent = performance.now()
      await request(port, asked, number++, agent)
      latencies.push(performance.now() - sent)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  const seconds = (performance.now() - began) / 1000
  agent.destroy()
  return { requestsPerSecond: latencies.length / seconds, latencies: latencies.sort((a, b) => a - b) }
}

/** One request; resolves with the body. */
export function request(
  port: number,
  { path, headers }: Asked,
  number: number,
  agent: Agent,
): Promise<string> {
  return new Promise((resolve, reject) => {
    const sent = get({ host: '127.0.0.1', port, path: path(number), headers, agent }, (response) => {
      const parts: Buffer[] = []
      response.on('data', (part: Buffer) => parts.push(part))
      response.on('end', () => {
        const body = Buffer.concat(parts).toString()
        if (response.statusCode === 200) resolve(body)
        else reject(new Error(`${path(number)} answered ${response.statusCode}: ${body.slice(0, 300)}`))
      })
    })
    sent.on('error', reject)
  })
}
