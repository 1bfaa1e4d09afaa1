/** The PostgreSQL cluster under the server, whoever runs it. */
export interface Engine {
  readonly kind: 'embedded' | 'external'
  /** `server_version_num / 10000`, for example 18. */
  readonly majorVersion: number
  /** False when the server cannot read committed changes from the WAL: it runs, and health says what is off. */
  readonly logicalReplication: boolean
  /**
   * An administrator's connection string for one database of the cluster, never through a pooler.
   * Default: the maintenance database, the same one for every node that shares the cluster.
   */
  adminUrl(database?: string): string
  /** Stops what it started (embedded: fast shutdown, waited for; external: nothing). May be called twice. */
  stop(): Promise<void>
}
