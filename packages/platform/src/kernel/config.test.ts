import { describe, expect, it } from 'vitest'
import { readConfig } from './config.ts'
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
    ['PLINTH_LOG', 'loud'],
    ['DATABASE_URL', 'mysql://x'],
    ['PLINTH_SHOPS_DATABASE_URL', 'nonsense'],
    ['PLINTH_PUBLIC_URL', 'ftp://x'],
    ['PLINTH_PROT', '1'],
  ])('names a mistake in %s', (name, value) => {
    expect(problemsOf({ [name]: value })).toContain(`${name}: `)
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
