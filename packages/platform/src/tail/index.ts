export * from './committed-transaction.ts'
export * from './consumers/consumer.ts'
export * from './position.ts'
export * from './tail.ts'
