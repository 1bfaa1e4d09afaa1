/** What people are told of an alert. */
export interface AlertNotice {
  /** The same when it is sent again after a crash: who sends it on drops repetitions by it. */
  readonly id: string
  readonly event: 'began' | 'ended'
  readonly rule: string
  readonly severity: 'warning' | 'critical'
  readonly summary: string
  /** The figure that it began with; null for a part's health. */
  readonly value: number | null
  readonly beganAt: string
  readonly endedAt: string | null
}

/** How alerts reach people. What it rejects is sent again a minute later. */
export interface AlertPort {
  send(notice: AlertNotice): Promise<void>
}
