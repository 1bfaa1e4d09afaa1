export { conversation, hostileTargets, type Step } from './conversation.ts'
export { perform } from './perform.ts'
