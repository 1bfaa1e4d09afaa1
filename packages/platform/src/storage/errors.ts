import { defineErrors } from '../kernel/index.ts'

/** Failures of storage; `render-error.ts` says by which names Supabase's clients know them. */
export const storageErrors = defineErrors({
  no_such_bucket: {
    status: 404,
    message: 'Bucket not found',
    hint: 'Check the name. A private bucket that you may not see is not found either.',
  },
  no_such_object: {
    status: 404,
    message: 'Object not found',
    hint: 'Check the path. An object that no select policy on storage.objects shows you is not found either.',
  },
  no_such_upload: {
    status: 404,
    message: 'Upload not found',
    hint: 'It was finished, cancelled or has expired: begin a new one.',
  },
  storage_access_denied: {
    status: 403,
    message: 'new row violates row-level security policy: {action} is not allowed here',
    hint: 'A policy on storage.{table} has to allow {operations} for this caller.',
  },
  object_exists: {
    status: 409,
    message: 'The resource already exists',
    hint: 'Upload with x-upsert: true to overwrite it, or choose another path.',
  },
  bucket_exists: {
    status: 409,
    message: 'The resource already exists',
    hint: 'Choose another name, or update the bucket that is there.',
  },
  bucket_not_empty: {
    status: 409,
    message: 'The bucket you tried to delete is not empty',
    hint: 'Empty it first.',
  },
  object_too_large: {
    status: 413,
    message: 'The object exceeded the maximum allowed size of {limit} bytes',
    hint: 'The limit is the smaller of the bucket’s file_size_limit and the project’s storage.fileSizeLimit.',
  },
  quota_exceeded: {
    status: 413,
    message: 'There is no room for {bytes} more bytes.',
    hint: 'Remove files, or ask for more room.',
  },
  mime_type_refused: {
    status: 415,
    message: 'mime type {type} is not supported',
    hint: 'The bucket takes: {allowed}.',
  },
  content_mismatch: {
    status: 415,
    message: 'The content is {detected} and not {declared}.',
    hint: 'Send the content type of what the file really is.',
  },
  invalid_object_name: {
    status: 400,
    message: 'Invalid key: {name}',
    hint: 'A path has letters, digits, spaces and !-.*’()&$@=;:+,?_ between slashes, no empty part, no “.” or “..”, and 1,024 bytes at most.',
  },
  invalid_bucket_name: {
    status: 400,
    message: 'Bucket name invalid',
    hint: 'A bucket’s name has 1 to 100 letters, digits, spaces or !-.*’()&$@=;:+,?_ and neither begins nor ends with a space.',
  },
  invalid_storage_request: {
    status: 400,
    message: '{problem}',
    hint: 'See docs/storage.md for what each request takes.',
  },
  invalid_signature: {
    status: 400,
    message: 'Invalid signature: {problem}',
    hint: 'Ask for a new signed URL.',
  },
  invalid_range: {
    status: 416,
    message: 'The range is outside of the object, which has {size} bytes.',
    hint: 'Ask for a range that begins before the end.',
  },
  no_content: {
    status: 400,
    message: 'No content provided',
    hint: 'Send the file as the body, or as the file of a multipart form.',
  },
  upload_interrupted: {
    status: 400,
    message: 'The body ended before it was complete.',
    hint: 'Send it again, or use a resumable upload.',
  },
  upload_locked: {
    status: 423,
    message: 'Another request is writing to this upload.',
    hint: 'Ask for the offset again in a moment.',
  },
  bytes_missing: {
    status: 500,
    message: 'The bytes of this object are not in the store.',
    hint: 'Run `plinth storage check`, and restore them from a backup.',
  },
  bytes_damaged: {
    status: 500,
    message: 'The bytes of this object are damaged.',
    hint: 'Run `plinth storage check --deep`, and restore them from a backup.',
  },
  image_refused: {
    status: 422,
    message: 'The image cannot be transformed: {problem}',
    hint: 'Images of up to {pixels} pixels in JPEG, PNG, WebP, AVIF, GIF or TIFF can be.',
  },
  images_busy: {
    status: 503,
    message: 'Too many images are being transformed.',
    hint: 'Ask again in a moment.',
  },
  storage_not_supported: {
    status: 400,
    message: '{feature} are not supported.',
    hint: 'See docs/storage.md for what is.',
  },
  storage_settings_incomplete: {
    status: 500,
    message: 'Storage on S3 lacks {missing}.',
    hint: 'Set it: plinth settings set <system> storage.{missing} …',
  },
})
