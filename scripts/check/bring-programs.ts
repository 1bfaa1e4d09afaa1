import { existsSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { hydrateLinks } from '@plinth/platform/database'
import { messageOf } from '@plinth/platform/kernel'
import {
  findBrowser,
  findPostgres15,
  findRedis,
  secondPostgres,
  secondPostgresPackage,
} from '@plinth/testing/programs'
import { bringPackage } from '../../bin/bring-package.js'
import { execute, root } from './execute.ts'

/** A program that some tests need and this machine does not have. */
export interface Missing {
  /** What is not run without it. */
  readonly tests: string
  readonly reason: string
}

/** Brings the programs that tests need beside npm packages, where it can, and says what could not be had. */
export async function bringPrograms(): Promise<readonly Missing[]> {
  const missing = [await bringPostgres15(), await bringRedis(), await bringBrowser()]
  return missing.filter((each) => each !== undefined)
}

async function bringPostgres15(): Promise<Missing | undefined> {
  if (findPostgres15()) return undefined
  try {
    await bringPackage(root, secondPostgres)
    await hydrateLinks(secondPostgresPackage)
    return undefined
  } catch (error) {
    return { tests: 'tests on PostgreSQL 15', reason: messageOf(error) }
  }
}

const bringRedis = () =>
  bringFromDistribution('redis-server', findRedis, 'tests of several nodes on one Redis')

const bringBrowser = () => bringFromDistribution('chromium-headless-shell', findBrowser, 'tests in a browser')

/** No npm package carries it: the distribution's, where this user may install it. */
async function bringFromDistribution(
  program: string,
  find: () => string | undefined,
  tests: string,
): Promise<Missing | undefined> {
  if (find()) return undefined
  const isRoot = process.getuid?.() === 0
  if (!existsSync('/etc/debian_version') || !isOnPath('apt-get') || !isRoot)
    return { tests, reason: `${program} is not installed (Debian, Ubuntu: apt-get install ${program})` }
  process.stderr.write(`plinth: installing ${program} by apt-get (once) …\n`)
  const quiet = { DEBIAN_FRONTEND: 'noninteractive' }
  await execute('apt-get', ['update', '-qq'], quiet)
  const install = ['install', '-y', '-qq', '--no-install-recommends', program]
  const { code, output } = await execute('apt-get', install, quiet)
  return code === 0 && find() ? undefined : { tests, reason: output.trim().split('\n').at(-1) ?? '' }
}

const isOnPath = (program: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((folder) => existsSync(join(folder, program)))
