export * from './capability.ts'
export type { ErasedRows } from './erase-data.ts'
export * from './errors.ts'
export type { ExportedPart, ExportManifest } from './write-export.ts'
