import { AppError } from '../kernel/index.ts'

/** What Supabase calls a failure: `code` as newer clients read it, `error` as older ones do. */
const names: Readonly<Record<string, readonly [code: string, error?: string]>> = {
  no_such_bucket: ['NoSuchBucket', 'Bucket not found'],
  no_such_object: ['NoSuchKey', 'not_found'],
  no_such_upload: ['NoSuchUpload'],
  storage_access_denied: ['AccessDenied', 'Unauthorized'],
  object_exists: ['ResourceAlreadyExists', 'Duplicate'],
  bucket_exists: ['BucketAlreadyExists', 'Duplicate'],
  bucket_not_empty: ['InvalidRequest'],
  object_too_large: ['EntityTooLarge', 'Payload too large'],
  body_too_large: ['EntityTooLarge', 'Payload too large'],
  quota_exceeded: ['EntityTooLarge', 'Payload too large'],
  mime_type_refused: ['InvalidMimeType', 'invalid_mime_type'],
  content_mismatch: ['InvalidMimeType', 'invalid_mime_type'],
  invalid_object_name: ['InvalidKey'],
  invalid_bucket_name: ['InvalidBucketName', 'Invalid Input'],
  invalid_storage_request: ['InvalidRequest'],
  invalid_signature: ['InvalidSignature'],
  invalid_range: ['InvalidRange', 'invalid_range'],
  no_content: ['InvalidRequest'],
  upload_locked: ['ResourceLocked'],
  image_refused: ['InvalidRequest'],
  storage_not_supported: ['FeatureNotEnabled'],
  images_busy: ['SlowDown'],
  missing_key: ['InvalidJWT', 'Unauthorized'],
  invalid_key: ['InvalidJWT', 'Unauthorized'],
  invalid_token: ['InvalidJWT', 'Unauthorized'],
  expired_token: ['InvalidJWT', 'Unauthorized'],
}

/**
 * Answers a failure as Supabase's storage clients read it: `{statusCode, error, message}`, and `code`, beside our own
 * `plinthCode` and the hint. The HTTP status is the true one (Supabase answers 400 for most). What nobody foresaw is redacted.
 */
export function renderStorageError(
  error: unknown,
  requestId: string,
  headers: Readonly<Record<string, string>> = {},
): Response {
  const failure = describeFailure(error, requestId)
  return Response.json(failure, { status: Number(failure.statusCode), headers })
}

export function describeFailure(error: unknown, requestId: string) {
  if (!(error instanceof AppError)) {
    const message = `Something failed here. Its request id is ${requestId}.`
    return { statusCode: '500', error: 'internal', message, code: 'InternalError' }
  }
  const [code, name = code] = names[error.code] ?? [error.status >= 500 ? 'InternalError' : 'InvalidRequest']
  return {
    statusCode: String(error.status),
    error: name,
    message: error.message,
    code,
    plinthCode: error.code,
    hint: error.hint,
  }
}
