export * from './archive-journal.ts'
export * from './capability.ts'
export * from './create-journal.ts'
export * from './erasure-lock.ts'
export * from './errors.ts'
export { readJournalledTables, schemaChangesTable } from './journal-tables.ts'
export * from './migrations.ts'
export * from './note-schema-changes.ts'
export * from './publish-tables.ts'
export {
  blocksOf,
  type OpenBlock,
  type OpenedImage,
  openImages,
  type SealedBlock,
  type SealedImage,
} from './seal/sealed-images.ts'
export { createOpener, createSubjectKeys, eraseSubject, subjectName } from './seal/subject-keys.ts'
export * from './show-journal.ts'
export * from './verify-journal.ts'
export { createCopy } from './witness/copy.ts'
export type { Finding } from './witness/records.ts'
export { withFileLock } from './witness/sealed-lines.ts'
export { createWitness, type Witness, type WitnessOptions } from './witness/witness.ts'
