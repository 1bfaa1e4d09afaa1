import { testIsolation } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { messagesSystem } from './messages-system.ts'

const system = messagesSystem()

testIsolation({
  system,
  test: useSystem(system),
  values: {
    notification_preferences: { zone: 'Europe/Berlin', locale: 'en' },
    push_subscriptions: { kind: 'fcm' },
  },
})
