/** A message for a device. */
export interface PushMessage {
  /** The same in every attempt: a device that gets it twice shows it once. */
  readonly key: string
  readonly title: string
  readonly body: string
  /** What is opened by a touch; null: the app. */
  readonly url: string | null
  readonly urgent: boolean
}

/** A device, as the table of subscriptions has it. */
export interface PushTarget {
  readonly kind: 'web' | 'fcm'
  /** Address at the push service of a browser, or FCM's registration token. */
  readonly endpoint: string
  readonly p256dh: string | null
  readonly auth: string | null
}

/** Takes messages to devices of one kind. Fails with a HandoverError. */
export interface PushTransport {
  readonly kind: PushTarget['kind']
  readonly name: string
  /** `gone`: the device takes no messages any more and is forgotten. */
  send(target: PushTarget, message: PushMessage, signal?: AbortSignal): Promise<'taken' | 'gone'>
}

/** Seconds that a push service keeps a message for a device that is off. */
export const timeToLive = 86_400
