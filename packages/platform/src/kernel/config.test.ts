import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { describe, expect, it, onTestFinished, vi } from 'vitest'
import { readConfig, readVariables } from './config.ts'
import { AppError } from './errors.ts'

const problemsOf = (environment: Record<string, string>): string => {
  try {
    readConfig(environment, '/srv/plinth')
  } catch (error) {
    if (error instanceof AppError && error.code === 'invalid_configuration') return error.message
    throw error
  }
  return ''
}

describe('the configuration', () => {
  it('needs nothing', () => {
    expect(readConfig({}, '/srv/plinth')).toEqual({
      port: 54_321,
      host: '127.0.0.1',
      publicUrl: undefined,
      trustedProxies: 0,
      dataDir: '/srv/plinth/data',
      logLevel: 'warn',
      cluster: undefined,
      systems: {},
      redisUrl: undefined,
      settings: {},
    })
  })

  it('takes an empty variable for one that is not set', () => {
    expect(readConfig({ PLINTH_PORT: '', DATABASE_URL: '' }).port).toBe(54_321)
  })

  it('takes clusters for all systems and for one, each with a way past its pooler', () => {
    const config = readConfig({
      DATABASE_URL: 'postgres://admin:x@pool:6432/postgres',
      DIRECT_URL: 'postgres://admin:x@db:5432/postgres',
      PLINTH_SHOPS_DATABASE_URL: 'postgresql://admin:x@shops:5432/postgres',
    })
    expect(config.cluster).toEqual({
      url: 'postgres://admin:x@pool:6432/postgres',
      directUrl: 'postgres://admin:x@db:5432/postgres',
    })
    expect(config.systems.shops?.directUrl).toBe('postgresql://admin:x@shops:5432/postgres')
  })

  it.each([
    ['PLINTH_PORT', 'seventy'],
    ['PLINTH_PORT', '70000'],
    ['PLINTH_PORT', '-1'],
    ['PLINTH_PORT', '80.5'],
    ['PLINTH_PORT', '0x50'],
    ['PLINTH_PORT', ' '],
    ['PLINTH_HOST', 'http://localhost'],
    ['PLINTH_HOST', 'my host'],
    ['PLINTH_TRUSTED_PROXIES', 'yes'],
    ['PLINTH_TRUSTED_PROXIES', '11'],
    ['PLINTH_DATA_DIR', ' '],
    ['PLINTH_LOG', 'loud'],
    ['DATABASE_URL', 'mysql://x'],
    ['DATABASE_URL', 'postgres://'],
    ['DIRECT_URL', 'localhost:5432'],
    ['DIRECT_URL', 'postgres://a@b/c'],
    ['REDIS_URL', 'localhost:6379'],
    ['PLINTH_SHOPS_DATABASE_URL', 'nonsense'],
    ['PLINTH_PUBLIC_URL', 'ftp://x'],
    ['PLINTH_PUBLIC_URL', 'plinth.example.com'],
    ['PLINTH_PROT', '1'],
    ['PLINTH__DATABASE_URL', 'postgres://a@b/c'],
  ])('names a mistake in %s (%j) in words of its own', (name, value) => {
    const [, first, ...more] = problemsOf({ [name]: value }).split('\n')
    expect(first).toMatch(new RegExp(`^  ${name}: (must be|needs|is not a setting)`))
    if (name !== 'DIRECT_URL') expect(more).toEqual([])
  })

  it('names an address of a system that there is not, where the systems are known', () => {
    const environment = { PLINTH_SHOP_DATABASE_URL: 'postgres://a@b/c' }
    expect(() => readConfig(environment, '/srv/plinth', ['shops'])).toThrow(
      'PLINTH_SHOP_DATABASE_URL: there is no system shop (there is shops)',
    )
    expect(readConfig(environment, '/srv/plinth').systems).toHaveProperty('shop')
  })

  it('takes the repository’s data folder wherever inside it somebody stands', () => {
    const repository = fileURLToPath(new URL('../../../../', import.meta.url))
    expect(readConfig({}, join(repository, 'systems', 'shops')).dataDir).toBe(join(repository, 'data'))
    expect(readConfig({ PLINTH_DATA_DIR: 'mine' }, join(repository, 'docs')).dataDir).toBe(
      join(repository, 'docs', 'mine'),
    )
    expect(readConfig({}, `${repository.slice(0, -1)}-other`).dataDir).toBe(
      `${repository.slice(0, -1)}-other/data`,
    )
  })

  it('gives out variables that keep another program’s names', () => {
    vi.stubEnv('PGRST_DB_URI', 'postgres://a@b/c')
    onTestFinished(() => void vi.unstubAllEnvs())
    expect(readVariables('PGRST_')).toEqual({ PGRST_DB_URI: 'postgres://a@b/c' })
  })

  it('names all mistakes at once, a line each, and no secret', () => {
    const problems = problemsOf({
      PLINTH_PORT: 'x',
      PLINTH_LOG: 'y',
      DATABASE_URL: 'mysql://user:hunter2@host',
    })
    expect(problems.split('\n')).toHaveLength(4)
    expect(problems).not.toContain('hunter2')
  })

  it('wants a direct address to stand beside the one that it goes with', () => {
    expect(problemsOf({ PLINTH_SHOPS_DIRECT_URL: 'postgres://a@b/c' })).toContain(
      'needs PLINTH_SHOPS_DATABASE_URL',
    )
  })
})
