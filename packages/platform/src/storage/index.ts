export * from './capability.ts'
export { storageErrors } from './errors.ts'
export type { BucketFiles, CallerFiles, FileFacts, FileSource, NewFile } from './files/caller-files.ts'
