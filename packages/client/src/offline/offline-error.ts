/** Offline mode cannot do what it is asked: `signed_out`, `unknown_row`, `unknown_table`, `unsent_writes`. */
export class OfflineError extends Error {
  override readonly name = 'OfflineError'
  readonly code: 'signed_out' | 'unknown_row' | 'unknown_table' | 'unsent_writes'

  constructor(code: OfflineError['code'], message: string) {
    super(message)
    this.code = code
  }
}
