/**
 * A server that consists of nothing but the embedded engine, for tests that kill it: it takes the engine's options as
 * one JSON argument, says in one JSON line how the start went, and stops in good order on SIGTERM and at once on SIGUSR2.
 */
import { createLog, systemClock } from '../../../kernel/index.ts'
import { startEmbeddedEngine } from '../start-embedded-engine.ts'

const say = (outcome: object) => process.stdout.write(`${JSON.stringify(outcome)}\n`)

try {
  const options = JSON.parse(process.argv[2] ?? '{}')
  const engine = await startEmbeddedEngine({ log: createLog('info'), clock: systemClock, ...options })
  process.on('SIGTERM', () => void engine.stop())
  process.on('SIGUSR2', () => process.exit(3))
  const uid = process.getuid?.()
  say({ url: engine.adminUrl(), majorVersion: engine.majorVersion, uid })
} catch (error) {
  const { code, message } = error as { code: string; message: string }
  say({ code, message })
}
