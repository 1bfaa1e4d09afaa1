import pg from 'pg'

/** The parts of pg's client that tell which backend it talks to. */
interface Backend {
  readonly host: string
  readonly port: number
  readonly ssl: boolean | object
  readonly processID: number
  readonly secretKey: number
}

/** PostgreSQL answers a cancel request by closing its socket; one that stays open longer is cut. Milliseconds. */
const patience = 2_000

/** What pg's connection can do beyond what its types say. */
interface RawConnection extends pg.Connection {
  connect(portOrPath: number | string, host?: string): void
  requestSsl(): void
  cancel(processId: number, secretKey: number): void
}

/**
 * Asks PostgreSQL to end what a connection is doing (protocol, "Canceling Requests in Progress"), on a socket of its own.
 * Gives true once the server has closed that socket: only then can the request no longer hit what the connection is
 * used for next. False when that is not known; the connection must not be used again.
 */
export function cancelStatement(client: pg.PoolClient): Promise<boolean> {
  const { host, port, ssl, processID, secretKey } = client as unknown as Backend
  const connection = new pg.Connection({ ssl } as pg.ConnectionConfig) as RawConnection
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const giveUp = () => {
    resolve(false)
    connection.stream.destroy()
  }
  const timer = setTimeout(giveUp, patience)
  const say = () => connection.cancel(processID, secretKey)
  connection.on('error', giveUp)
  connection.on('connect', () => (ssl ? connection.requestSsl() : say()))
  connection.on('sslconnect', say)
  connection.on('end', () => resolve(true))
  if (host.startsWith('/')) connection.connect(`${host}/.s.PGSQL.${port}`)
  else connection.connect(port, host)
  return promise.finally(() => clearTimeout(timer))
}
