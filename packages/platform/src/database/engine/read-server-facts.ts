import pg from 'pg'

export interface ServerFacts {
  readonly majorVersion: number
  readonly walLevel: string
}

/** Asks a server what it is. */
export async function readServerFacts(url: string): Promise<ServerFacts> {
  const client = new pg.Client({ connectionString: url })
  client.on('error', () => {})
  await client.connect()
  try {
    const { rows } = await client.query<{ version: number; wal_level: string }>(
      `select current_setting('server_version_num')::int as version, current_setting('wal_level') as wal_level`,
    )
    const [row] = rows
    return { majorVersion: Math.floor(row!.version / 10_000), walLevel: row!.wal_level }
  } finally {
    await client.end()
  }
}
