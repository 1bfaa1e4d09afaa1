export * from './capability.ts'
export * from './errors.ts'
export type { Flag, FlagChange, FlagFor, FlagSetting, Flags, FlagTarget } from './flags-of-project.ts'
export * from './migrations.ts'
