import { readMigrations, sql } from '@plinth/platform/database'
import { flatEnvelope } from '@plinth/platform/routes'
import { defineSystem, type SystemProject } from '@plinth/platform/system'
import { certificateErrors } from './certificates/index.ts'
import { loadDemo } from './demo/load-demo.ts'
import { courseErrors } from './errors.ts'
import { analyticsReport } from './functions/analytics-report.ts'
import { certificateLog, certificateStatus } from './functions/certificate-status.ts'
import { confirmPayment } from './functions/confirm-payment.ts'
import { createPaymentOrder } from './functions/create-payment-order.ts'
import { generateCertificate } from './functions/generate-certificate.ts'
import { reissueCertificate, revokeCertificate } from './functions/manage-certificates.ts'
import { processReferralsNow } from './functions/process-referrals.ts'
import { razorpayWebhook } from './functions/razorpay-webhook.ts'
import { refundPayment } from './functions/refund-payment.ts'
import { paymentReconciliationNow, updateEventStatusNow } from './functions/run-jobs.ts'
import { sendNotifications } from './functions/send-notifications.ts'
import { sessionManagement } from './functions/session-management.ts'
import { certificateFile, verifyCertificatePage } from './functions/verify-certificate.ts'
import {
  clawBackReward,
  paymentReconciliationJob,
  processReferralsJob,
  sendNotificationsJob,
  settleCancelledEvent,
  tendSessions,
  updateEventStatusJob,
} from './jobs/course-jobs.ts'
import { auditCertificates, generateCertificates } from './jobs/generate-certificates.ts'
import { printCertificates } from './jobs/print-certificates.ts'
import { personData } from './person-data.ts'
import { uses } from './uses.ts'

export type { Certificates } from './certificates/index.ts'

/** courses: seats in live two-hour courses, paid once, seated fairly, reminded, attended and certified. */
export const courses = defineSystem({
  name: 'courses',
  summary: 'Seats in live courses: sold, waited for, attended, certified.',
  tenant: null,
  migrations: () => readMigrations('courses', new URL('./sql/migrations/', import.meta.url)),
  uses,
  errors: { ...courseErrors, ...certificateErrors },
  envelope: flatEnvelope,
  functions: [
    razorpayWebhook,
    createPaymentOrder,
    confirmPayment,
    refundPayment,
    processReferralsNow,
    sessionManagement,
    sendNotifications,
    analyticsReport,
    updateEventStatusNow,
    paymentReconciliationNow,
    generateCertificate,
    verifyCertificatePage,
    certificateFile,
    certificateStatus,
    certificateLog,
    revokeCertificate,
    reissueCertificate,
  ],
  jobs: [
    processReferralsJob,
    sendNotificationsJob,
    updateEventStatusJob,
    paymentReconciliationJob,
    tendSessions,
    settleCancelledEvent,
    generateCertificates,
    printCertificates,
    auditCertificates,
    clawBackReward,
  ],
  realtimeTables: ['events', 'registrations', 'event_waitlist', 'in_app_notifications', 'session_attendance'],
  journalledTables: [
    'profiles',
    'organisation',
    'events',
    'event_meetings',
    'materials',
    'announcements',
    'coupons',
    'registrations',
    'registration_transfers',
    'feedback',
    'referrals',
    'referral_rewards',
    'payment_transactions',
    'payment_flags',
    'session_attendance',
    'certificates',
    'session_recordings',
    'event_waitlist',
  ],
  personalColumns: {
    profiles: { columns: ['full_name', 'phone', 'billing_name', 'gstin'], subject: 'id' },
    registrations: { columns: ['attendee_name', 'device_id'], subject: 'user_id' },
    registration_transfers: { columns: ['to_email'], subject: 'to_email' },
    feedback: { columns: ['comment'], subject: 'user_id' },
    session_attendance: { columns: ['ip_address', 'user_agent'], subject: 'user_id' },
  },
  figures,
  personHooks: ({ database }) => personData(database),
  demo: loadDemo,
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ is_admin: boolean; is_instructor: boolean }>(
        sql`select is_admin, is_instructor from public.profiles where id = ${userId}`,
        { readOnly: true },
      )
      const { is_admin = false, is_instructor = false } = rows[0] ?? {}
      return [...(is_admin ? ['admin'] : []), ...(is_instructor ? ['instructor'] : [])]
    },
  },
})

/** The four figures with a target, read together. */
function figures({ database }: SystemProject) {
  const read = (column: string) => async () => {
    const { rows } = await database.asOwner<Record<string, string | null>>(
      sql`select * from private.course_figures()`,
    )
    const value = rows[0]?.[column] ?? null
    return value === null ? null : Number(value)
  }
  return [
    { name: 'payment-success', unit: 'percent', read: read('payment_success') },
    { name: 'webhook-seconds', unit: 'seconds', read: read('webhook_seconds') },
    { name: 'delivery-rate', unit: 'percent', read: read('delivery') },
    { name: 'certificate-rate', unit: 'percent', read: read('certificates') },
  ]
}
