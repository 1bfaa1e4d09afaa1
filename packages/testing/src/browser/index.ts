import { type Browser, chromium } from 'playwright-core'
import { findBrowser } from '../programs/browser.ts'

export type { Browser, Page } from 'playwright-core'

/** A browser without a window; whoever opens it closes it. */
export function openBrowser(): Promise<Browser> {
  const executablePath = findBrowser()
  if (!executablePath) throw new Error('There is no Chromium on this machine.')
  // In a container Chromium's own sandbox needs rights that nobody has there; the pages are the test's own.
  return chromium.launch({ executablePath, args: ['--no-sandbox', '--disable-dev-shm-usage'] })
}
