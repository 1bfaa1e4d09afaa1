import { readFileSync } from 'node:fs'
import { expect, it } from 'vitest'

interface LockedPackage {
  readonly resolved?: string
  readonly link?: boolean
  readonly optionalDependencies?: Readonly<Record<string, string>>
}

const read = (name: string) => readFileSync(new URL(`../${name}`, import.meta.url), 'utf8')
const { packages } = JSON.parse(read('package-lock.json')) as {
  readonly packages: Readonly<Record<string, LockedPackage>>
}

it('holds the packages of every platform, so that `npm ci` takes it and macOS gets its native parts', () => {
  const missing = Object.entries(packages).flatMap(([path, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter(
      (name) => !packages[`${path}/node_modules/${name}`] && !packages[`node_modules/${name}`],
    ),
  )
  expect(missing).toEqual([])
})

it('names no registry: who installs takes the packages from the one of their own configuration', () => {
  const named = Object.values(packages).filter(({ resolved, link }) => resolved !== undefined && !link)
  expect(named).toEqual([])
  expect(read('.npmrc')).toContain('omit-lockfile-registry-resolved=true')
})
