import type { Progress } from '@plinth/platform/system'
import { Presets, SingleBar } from 'cli-progress'

/** A bar on standard error; nothing where no person looks on. */
export interface ProgressBar {
  show(progress: Progress): void
  stop(): void
}

export function createProgressBar(what: string): ProgressBar {
  if (!process.stderr.isTTY) return { show: () => undefined, stop: () => undefined }
  const format = `${what}: {phase} [{bar}] {percentage}% {value}/{total}`
  const bar = new SingleBar(
    { format, stream: process.stderr, hideCursor: true, clearOnComplete: true },
    Presets.shades_classic,
  )
  let phase: string | undefined
  return {
    show: ({ phase: present, done, total }) => {
      if (present !== phase) bar.start(total ?? 0, done, { phase: present })
      phase = present
      if (total !== null) bar.setTotal(total)
      bar.update(done)
    },
    stop: () => bar.stop(),
  }
}
