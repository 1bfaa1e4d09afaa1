export { type ApiOptions, type ApiRequest, type ApiService, createApi } from './api-service.ts'
export { type CacheEntryOptions, type CacheOptions, type CacheService, createCache } from './cache-service.ts'
export { type Config, type ConfigFlag, readConfig, withServerFlags } from './config-service.ts'
export {
  createDashboard,
  type DashboardController,
  type DashboardOptions,
  type DashboardState,
  readFunctions,
} from './dashboard-controller.ts'
export {
  createErrorHandler,
  describeError,
  type ErrorHandler,
  type ErrorHandlerOptions,
  type RetryOptions,
  type UserError,
} from './error-handler.ts'
export {
  consoleSink,
  createLogger,
  type LogEntry,
  type Logger,
  type LoggerOptions,
  type LogLevel,
} from './logger-service.ts'
export {
  type AppNotification,
  createNotifications,
  type Delivery,
  type NotificationChannel,
  type NotificationHandler,
  type NotificationOptions,
  type NotificationResult,
  type NotificationService,
  type NotificationTemplate,
  type QueueColumns,
  queueHandler,
  type ReadyNotification,
} from './notification-service.ts'
export { createRepository, type Repository, type RepositoryOptions, type Watching } from './repository.ts'
export {
  createRoleManager,
  PermissionError,
  type RoleCatalogue,
  type RoleManager,
  readRoleCatalogue,
  type Scope,
} from './role-manager.ts'
export {
  type CsrfToken,
  checkUpload,
  createCsrfToken,
  createIdleTimer,
  createRateLimits,
  encodeHtml,
  type IdleTimer,
  type Limit,
  type LimitSettings,
  RateLimitError,
  type RateLimits,
  safeUrl,
  suspicionsOf,
  type UploadFile,
  type UploadRules,
  uploadPath,
} from './security-service.ts'
export {
  createSupabaseService,
  type SupabaseService,
  type SupabaseServiceOptions,
} from './supabase-service.ts'
export {
  createUserController,
  type UserController,
  type UserControllerOptions,
  type UserState,
} from './user-controller.ts'
export {
  isEmail,
  isPhone,
  type Problems,
  type Rule,
  requireValid,
  rules,
  ValidationError,
  validate,
} from './validation-service.ts'
