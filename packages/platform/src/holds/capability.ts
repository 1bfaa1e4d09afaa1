import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { readHoldsMigrations } from './migrations.ts'

/** Timed claims on finite things, enforced in SQL: `plinth.hold`, `plinth.commit_hold`, `plinth.release_hold`. */
export const holds = () =>
  defineCapability({
    name: 'holds',
    migrations: readHoldsMigrations,
    settings: z.object({}),
    open: () => ({}),
  })
