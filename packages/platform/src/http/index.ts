export type { ProjectKeys } from './keys/project-keys.ts'
export * from './surface.ts'
