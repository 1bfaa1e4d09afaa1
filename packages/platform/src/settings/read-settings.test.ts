import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { z } from 'zod'
import { newKey } from '../kernel/index.ts'
import {
  checkValue,
  findField,
  readSettings,
  readSettingsFile,
  type SettingsGroup,
  sealSetting,
  secret,
  writeSettingsFile,
} from './index.ts'

const auth = z.object({
  signUps: z.boolean().default(true).describe('Whether strangers may make accounts.'),
  origins: z.array(z.url()).default([]),
  hookSecret: secret(z.string().min(8)).optional(),
  limits: z.object({ perAddress: z.number().int().positive().default(300) }).prefault({}),
})
const own = z.object({ zone: z.string().default('UTC') })
const key = newKey()

let dataDir: string
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), 'plinth-settings-'))
})
afterEach(() => rm(dataDir, { recursive: true }))

const groups: readonly SettingsGroup[] = [
  { name: 'auth', schema: auth, defaults: { limits: { perAddress: 50 } } },
  { name: '', schema: own },
]
const read = (environment: Record<string, string> = {}) =>
  readSettings({ system: 'shops', dataDir, environment, key, groups })
const write = async (values: Record<string, never | unknown>) => {
  const { path } = await readSettingsFile(dataDir, 'shops')
  await writeSettingsFile({ path, values: new Map(Object.entries(values)) as never })
}

describe('a project’s settings', () => {
  it('are the defaults under what the system declares', async () => {
    const settings = await read()
    expect(settings.of('auth')).toEqual({ signUps: true, origins: [], limits: { perAddress: 50 } })
    expect(settings.of('')).toEqual({ zone: 'UTC' })
    expect(settings.all.map(({ name, source }) => [name, source])).toEqual([
      ['auth.signUps', 'default'],
      ['auth.origins', 'default'],
      ['auth.hookSecret', 'default'],
      ['auth.limits.perAddress', 'system'],
      ['zone', 'default'],
    ])
  })

  it('come from the file, and the environment wins over it', async () => {
    await write({ 'auth.signUps': false, 'auth.limits.perAddress': 7 })
    const settings = await read({
      PLINTH_SHOPS_AUTH_LIMITS_PER_ADDRESS: '9',
      PLINTH_SHOPS_AUTH_ORIGINS: 'https://a.example, https://b.example',
      PLINTH_SHOPS_ZONE: 'Asia/Kolkata',
    })
    expect(settings.of('auth')).toEqual({
      signUps: false,
      origins: ['https://a.example', 'https://b.example'],
      limits: { perAddress: 9 },
    })
    expect(settings.of('')).toEqual({ zone: 'Asia/Kolkata' })
    expect(settings.all.find(({ name }) => name === 'auth.limits.perAddress')).toMatchObject({
      source: 'environment',
      variable: 'PLINTH_SHOPS_AUTH_LIMITS_PER_ADDRESS',
      value: 9,
    })
  })

  it('keep a secret sealed at rest, in a file for its owner only, bound to its name', async () => {
    await write({ 'auth.hookSecret': sealSetting(key, 'auth.hookSecret', 'correct horse') })
    const { path } = await readSettingsFile(dataDir, 'shops')
    expect(await readFile(path, 'utf8')).not.toContain('correct horse')
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    expect((await read()).of('auth')).toMatchObject({ hookSecret: 'correct horse' })
    await write({ 'auth.hookSecret': sealSetting(key, 'another.name', 'correct horse') })
    await expect(read()).rejects.toMatchObject({ code: 'invalid_settings' })
    await write({ 'auth.hookSecret': 'in plain sight' })
    await expect(read()).rejects.toThrow(/auth\.hookSecret: is a secret and must be sealed/)
  })

  it('refuse unknown names with the nearest known one, and every mistake at once', async () => {
    await write({ 'auth.signUp': true })
    const mistakes = read({ PLINTH_SHOPS_AUTH_SIGNUPS: 'true', PLINTH_SHOPS_AUTH_LIMITS_PER_ADDRESS: 'many' })
    await expect(mistakes).rejects.toThrow(
      /PLINTH_SHOPS_AUTH_SIGNUPS: is not a setting\. Did you mean PLINTH_SHOPS_AUTH_SIGN_UPS\?/,
    )
    await expect(mistakes).rejects.toThrow(/auth\.signUp: is not a setting\. Did you mean auth\.signUps\?/)
    await expect(mistakes).rejects.toThrow(/PLINTH_SHOPS_AUTH_LIMITS_PER_ADDRESS: /)
  })

  it('do not repeat the value of a secret that is not valid', async () => {
    const refused = read({ PLINTH_SHOPS_AUTH_HOOK_SECRET: 'short' })
    await expect(refused).rejects.toMatchObject({ code: 'invalid_settings' })
    await expect(refused).rejects.not.toThrow(/short/)
  })

  it('are set by name and checked before they are written', () => {
    const field = findField('shops', groups, 'auth.limits.perAddress')
    expect(checkValue('shops', 'auth.limits.perAddress', field, '12')).toBe(12)
    expect(() => checkValue('shops', 'auth.limits.perAddress', field, '-1')).toThrow(/perAddress/)
    expect(() => findField('shops', groups, 'auth.limit.perAddress')).toThrow(/auth\.limits\.perAddress/)
    expect(() => findField('shops', groups, '__proto__')).toThrow(
      expect.objectContaining({ code: 'unknown_setting' }),
    )
  })

  it('refuse a file that is not an object of settings', async () => {
    await write([] as never)
    const { path } = await readSettingsFile(dataDir, 'shops')
    const { writeFile } = await import('node:fs/promises')
    await writeFile(path, '[1]')
    await expect(read()).rejects.toMatchObject({ code: 'invalid_settings' })
    await writeFile(path, '{"auth.signUps": ')
    await expect(read()).rejects.toMatchObject({ code: 'invalid_settings' })
  })
})
