export type { Access, AccessCheck, AccessRequest } from './access/access.ts'
export type { Roles } from './access/roles.ts'
export * from './create-routes-surface.ts'
export * from './define-actions.ts'
export * from './define-route.ts'
export * from './errors.ts'
export type { BodyKind } from './request/read-body.ts'
export type { Cookies } from './respond/cookies.ts'
export {
  type AnswerFacts,
  bareEnvelope,
  dataEnvelope,
  type Envelope,
  type FailureFacts,
  flatEnvelope,
} from './respond/envelope.ts'
export { type FileOptions, Reply, redirect, reply, sendFile } from './respond/reply.ts'
export type { BaseRouteContext, ExtendContext, RouteContext } from './route-context.ts'
