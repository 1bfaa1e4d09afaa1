import type { JSONWebKeySet } from 'jose'
import type { Clock, JsonObject } from '../../kernel/index.ts'

/** A project's keys: who may call it, and how its users' tokens are signed. */
export interface ProjectKeys {
  /** The project's name, in every key's `ref` claim. */
  readonly ref: string
  /** HS256 key for clients in public places; role anon. */
  readonly anonKey: string
  /** HS256 key for servers; role service_role, policies do not bind it. */
  readonly serviceRoleKey: string
  /** HS256 secret of the two keys above; other issuers of the project's own may sign with it. */
  readonly jwtSecret: string
  /** Public keys that verify users' tokens (RFC 7517). */
  readonly jwks: JSONWebKeySet
  /** Signs claims for a user (ES256 unless the project was given keys of its own, with `kid`). The caller gives every claim, `iat` and `exp` included. */
  sign(claims: JsonObject): Promise<string>
  /**
   * The claims of a token of this project: by one of the project's signing keys, or HS256 by its secret. Fails with
   * `invalid_token` (tampered, unknown algorithm, other project) or `expired_token`.
   */
  verify(token: string, clock: Clock): Promise<JsonObject>
}
