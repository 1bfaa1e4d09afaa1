import { describe, expect, it, vi } from 'vitest'
import { createLocks } from '../../store/locks.ts'
import { createMemoryStore } from '../../store/memory-store.ts'
import type { Store } from '../../store/store.ts'
import { openOffline } from '../open-offline.ts'

/** A device on which people sign in and out, without a network. */
function createDevice(store: Store = createMemoryStore()) {
  let user: string | null = 'ada'
  let changed: () => void = () => undefined
  const open = (keepUnsent = true) =>
    openOffline({} as never, {
      name: 'device',
      tables: { notes: { version: 'version' } },
      retry: false,
      keepUnsent,
      store: { ...store, close: () => Promise.resolve() },
      locks: createLocks(),
      tabs: { post: () => undefined, listen: () => () => undefined, close: () => undefined },
      transport: {
        send: () => Promise.reject(new Error('unused')),
        read: () => Promise.reject(new Error('unused')),
        watch: (_table, of, _start, sink) => {
          sink.event({ type: 'snapshot', rows: [{ id: '1', text: `secret of ${of}`, version: 1 }] })
          sink.reached({ key: ['id'], resume: '1' })
          return { close: () => Promise.resolve() }
        },
      },
      identity: {
        user: () => Promise.resolve(user),
        token: () => Promise.resolve(null),
        onChange: (callback) => {
          changed = callback
          return () => undefined
        },
        signOut: () => {
          user = null
          return Promise.resolve()
        },
      },
    })
  return {
    open,
    store,
    signIn: (next: string | null) => {
      user = next
      changed()
    },
    text: async () => JSON.stringify(await store.list('')),
  }
}

describe('offline mode and who is signed in', () => {
  it('K-9: another user finds nothing of the one before; unsent writes wait for their user alone', async () => {
    const device = createDevice()
    const offline = await device.open()
    await offline.insert('notes', { id: '2', text: 'unsent of ada' })
    await vi.waitFor(async () => expect(await device.text()).toContain('secret of ada'))
    device.signIn('bob')
    await vi.waitFor(() => expect(offline.user).toBe('bob'))
    expect([...offline.rows('notes').values()]).toEqual([{ id: '1', text: 'secret of bob', version: 1 }])
    expect(offline.writes).toEqual([])
    expect(await device.text()).not.toContain('secret of ada')
    device.signIn('ada')
    await vi.waitFor(() => expect(offline.writes).toHaveLength(1))
    expect(offline.rows('notes').get('2')).toMatchObject({ text: 'unsent of ada' })
    expect(await device.text()).not.toContain('secret of bob')
    await offline.close()
  })

  it('K-9: a session that ends by itself takes the copies along, and unsent writes where that was asked for', async () => {
    const device = createDevice()
    const offline = await device.open(false)
    await offline.insert('notes', { id: '2', text: 'unsent of ada' })
    device.signIn(null)
    await vi.waitFor(() => expect(offline.user).toBeNull())
    await vi.waitFor(async () => expect(await device.text()).toBe('[]'))
    await expect(offline.insert('notes', { text: 'x' })).rejects.toMatchObject({ code: 'signed_out' })
    await offline.close()
  })

  it('K-9: what is left of somebody who signed out elsewhere is removed at the next start', async () => {
    const device = createDevice()
    const first = await device.open()
    await vi.waitFor(async () => expect(await device.text()).toContain('secret of ada'))
    await first.close()
    device.signIn(null)
    const second = await device.open()
    expect(await device.text()).toBe('[]')
    await second.close()
  })

  it('K-9: an unknown row or table is refused, and a store that cannot be opened is told', async () => {
    const device = createDevice()
    const offline = await device.open()
    await expect(offline.update('notes', 'nowhere', { text: 'x' })).rejects.toMatchObject({
      code: 'unknown_row',
    })
    await expect(offline.insert('secrets', {})).rejects.toMatchObject({ code: 'unknown_table' })
    await offline.close()
    const broken = { ...createMemoryStore(), get: () => Promise.reject(new Error('no storage')) }
    await expect(createDevice(broken as Store).open()).rejects.toThrow('no storage')
  })
})
