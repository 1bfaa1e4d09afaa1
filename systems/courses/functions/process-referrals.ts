import { z } from 'zod'
import { processReferrals, reward } from '../referrals/process-referrals.ts'
import { defineFunction } from '../uses.ts'

/** Counts paid referrals and grants their rewards (C-F2); a job does so every 15 minutes. */
export const processReferralsNow = defineFunction({
  name: 'process-referrals',
  summary: 'Counts paid referrals and grants free access for two of them.',
  access: 'service',
  input: z.object({}).loose(),
  output: z.object({
    processedReferrals: z.number(),
    rewardsGranted: z.number(),
    details: z.object({ referrals: z.array(z.uuid()), rewards: z.array(reward) }),
  }),
  handle: ({ asService }) => processReferrals(asService('referrals of everybody')),
})
