export * from './stripe/create-stripe.ts'
