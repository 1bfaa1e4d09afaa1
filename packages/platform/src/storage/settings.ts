import { z } from 'zod'
import { secret } from '../settings/index.ts'

const hour = 3_600

export const storageSettings = z.object({
  fileSizeLimit: z
    .number()
    .int()
    .min(1)
    .default(50 * 1_024 * 1_024)
    .describe('Most bytes of one file. A bucket may have a lower limit, never a higher one.'),
  encryptedBuckets: z
    .array(z.string().min(1))
    .default([])
    .describe('Buckets whose files are encrypted at rest. What is there already stays as it is.'),
  retentionDays: z
    .number()
    .int()
    .min(0)
    .default(30)
    .describe('Days that the bytes of removed and overwritten files are kept, so that a rewind finds them.'),
  uploadHours: z
    .number()
    .int()
    .min(1)
    .default(24)
    .describe('Hours within which a resumable upload has to be finished.'),
  tenantFolders: z
    .boolean()
    .default(false)
    .describe('Whether the first folder of a path is the key of the tenant that the file belongs to.'),
  accountFunction: z
    .string()
    .regex(/^[a-z_]\w*\.[a-z_]\w*$/)
    .optional()
    .describe(
      'SQL function (bucket text, name text, owner text) that gives the uuid whose room a file takes, or null; its pool is of the kind bytes.',
    ),
  imagePixels: z
    .number()
    .int()
    .min(1)
    .default(50_000_000)
    .describe('Most pixels of an image that is transformed.'),
  imageCacheBytes: z
    .number()
    .int()
    .min(0)
    .default(512 * 1_024 * 1_024)
    .describe('Bytes of transformed images that are kept on the disk of each node.'),
  purgeUrl: z.url().optional().describe('Where a CDN is told, by POST, which public addresses have changed.'),
  purgeToken: secret(z.string().min(1)).optional().describe('Bearer token for purgeUrl.'),
  backend: z.enum(['disk', 's3']).default('disk').describe('Where the bytes are kept.'),
  s3Bucket: z.string().min(1).optional().describe('The bucket at S3, for all buckets of the project.'),
  s3Prefix: z.string().default('').describe('What the keys of this project begin with.'),
  s3Endpoint: z.url().optional().describe('Address of an S3 that is not AWS.'),
  s3Region: z.string().default('us-east-1').describe('Region of the bucket.'),
  s3AccessKey: z.string().min(1).optional().describe('Access key. Default: what the AWS SDK finds.'),
  s3SecretKey: secret(z.string().min(1)).optional().describe('Secret of the access key.'),
  s3PathStyle: z.boolean().default(true).describe('Whether the bucket is part of the path, not of the host.'),
})

export type StorageSettings = z.output<typeof storageSettings>

/** Seconds that a token of a signed upload holds, as on Supabase. */
export const uploadTokenSeconds = 2 * hour
