export { type Certificates, certificates } from './capability.ts'
export { certificateErrors } from './errors.ts'
export { certificateIssued } from './templates.ts'
