export type { LogFinding } from './audit-log.ts'
export * from './capability.ts'
export {
  type Appendix,
  createMerkleLog,
  type GrowthProof,
  type LeafProof,
  type MerkleLog,
} from './create-log.ts'
export { merkleLogErrors } from './errors.ts'
export { type LogIdentity, openHead, type SignedHead, signHead } from './heads/checkpoint.ts'
export { verifierKeyOf } from './heads/signed-note.ts'
export * from './migrations.ts'
export { type Hash, leafHash } from './tree/hashing.ts'
export { verifyConsistency, verifyInclusion } from './tree/proofs.ts'
