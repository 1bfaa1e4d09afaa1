export * from './razorpay/create-razorpay.ts'
export * from './stripe/create-stripe.ts'
