export * from './channels/start-channels.ts'
export type { Play, Played } from './core/admin.ts'
export * from './razorpay/create-razorpay.ts'
export * from './stripe/create-stripe.ts'
