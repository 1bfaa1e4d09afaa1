import { z } from 'zod'
import { secret } from '../settings/index.ts'

const sealingKey = z.string().regex(/^[A-Za-z0-9+/]{43}=$/, 'is no key: 32 bytes in base64')

export const backupSettings = z.object({
  backend: z.enum(['folder', 's3']).default('folder').describe('Where backups lie.'),
  folder: z
    .string()
    .min(1)
    .optional()
    .describe('Folder of the backups. Default: backups/<system> in the data folder.'),
  copyFolder: z
    .string()
    .min(1)
    .optional()
    .describe('Folder on another disk or machine that gets a second copy of each backup. Default none.'),
  copyToS3: z.boolean().default(false).describe('Whether the bucket gets a second copy of each backup.'),
  s3Bucket: z.string().min(1).optional().describe('The bucket at S3.'),
  s3Prefix: z.string().default('').describe('What the keys of this project begin with. Default: <system>/.'),
  s3Endpoint: z.url().optional().describe('Address of an S3 that is not AWS.'),
  s3Region: z.string().default('us-east-1').describe('Region of the bucket.'),
  s3AccessKey: z.string().min(1).optional().describe('Access key. Default: what the AWS SDK finds.'),
  s3SecretKey: secret(z.string().min(1)).optional().describe('Secret of the access key.'),
  s3PathStyle: z.boolean().default(true).describe('Whether the bucket is part of the path, not of the host.'),
  key: secret(sealingKey)
    .optional()
    .describe('Key of new backups: 32 bytes in base64. Default: derived from the project’s sealing key.'),
  oldKeys: secret(z.array(sealingKey))
    .default([])
    .describe('Keys of backups that were made before: they are opened and no longer used.'),
  schedule: z.boolean().default(true).describe('Whether every tenant is backed up every five minutes.'),
  fullEveryHours: z
    .number()
    .int()
    .min(1)
    .max(744)
    .default(24)
    .describe('Hours after which a tenant gets a full backup again; between them backups are incremental.'),
  rehearse: z.boolean().default(true).describe('Whether backups are restored on trial without being asked.'),
  keepSlotHours: z.number().int().min(1).default(24).describe('Hours for which every backup is kept.'),
  keepHourlyDays: z.number().int().min(0).default(7).describe('Days for which one backup an hour is kept.'),
  keepDailyDays: z.number().int().min(0).default(90).describe('Days for which one backup a day is kept.'),
  keepMonths: z.number().int().min(0).default(12).describe('Months for which one backup a month is kept.'),
})

export type BackupSettings = z.output<typeof backupSettings>
