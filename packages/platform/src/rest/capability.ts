import { z } from 'zod'
import { defineCapability } from '../system/index.ts'
import { createRestSurface } from './rest.ts'

/** The tables and functions of `public` over PostgREST's protocol. */
export const rest = () =>
  defineCapability({
    name: 'rest',
    settings: z.object({}),
    open: ({ database, log }) => ({ surfaces: [createRestSurface({ database, log })] }),
  })
