import { readMigrations, sql } from '@plinth/platform/database'
import { bareEnvelope } from '@plinth/platform/routes'
import { defineSystem } from '@plinth/platform/system'
import { loadDemo } from './demo/load-demo.ts'
import { eyemotionErrors } from './errors.ts'
import { eyemotionFigures, eyemotionHealth } from './health.ts'
import { abandonUploads, backUpEverything, keepActivity, rollAccounts } from './jobs/tend-accounts.ts'
import * as admin from './routes/admin.ts'
import * as auth from './routes/auth.ts'
import * as backups from './routes/backups.ts'
import * as credits from './routes/credits.ts'
import * as files from './routes/files.ts'
import * as payments from './routes/payments.ts'
import * as projects from './routes/projects.ts'
import * as system from './routes/system.ts'
import { uses } from './uses.ts'

const userPermissions = [
  'projects:read',
  'projects:write',
  'files:read',
  'files:write',
  'credits:read',
  'credits:use',
  'payments:read',
]

/** EyeMotion: film projects, footage, subscriptions and credits, for studios and those who run the platform. */
export const eyemotion = defineSystem({
  name: 'eyemotion',
  summary:
    'Film projects with footage, subscriptions and credits, and an operator who sees money and health.',
  tenant: { table: 'user_profiles', column: 'user_id' },
  migrations: () => readMigrations('eyemotion', new URL('./sql/migrations/', import.meta.url)),
  uses,
  errors: eyemotionErrors,
  envelope: bareEnvelope,
  functions: [],
  routes: [
    ...[auth.register, auth.signIn, auth.refreshSession, auth.beginOAuth, auth.finishOAuth, auth.showMe],
    ...[auth.changeProfile, auth.signOut, auth.resetPassword, auth.deleteAccount, auth.exportAccount],
    ...[payments.checkout, payments.buyCredits, payments.cancelSubscription, payments.resumeSubscription],
    ...[payments.openPortal, payments.paymentHistory, payments.stripeWebhook],
    ...[credits.showCredits, credits.creditsUsage, credits.useCredits, credits.showUsage],
    ...[projects.createProject, projects.listProjects, projects.showProject, projects.changeProject],
    ...[
      projects.deleteProject,
      projects.listFiles,
      projects.addMember,
      projects.addTeamMember,
      projects.exportProject,
    ],
    ...[projects.createReviewLink, projects.revokeReviewLink, projects.openReview, projects.commentAsGuest],
    ...[files.requestUpload, files.uploadUrlOf, files.confirmUpload, files.showFile, files.downloadFile],
    ...[
      files.changeFile,
      files.deleteFile,
      files.listVersions,
      files.approveFile,
      files.listComments,
      files.addComment,
    ],
    ...[
      admin.showDashboard,
      admin.listUsers,
      admin.financialAnalytics,
      admin.showSystem,
      admin.giveCredits,
      admin.returnUsage,
    ],
    ...[admin.suspendUser, admin.reinstateUser, admin.changeRole, admin.releasePurchase, admin.refundOrder],
    admin.listActivity,
    ...[backups.createBackup, backups.listBackups],
    ...[system.showHealth, system.initDatabase, system.initStorage, system.initPlans, system.completeInit],
  ],
  roles: {
    of: async (database, userId) => {
      const { rows } = await database.query<{ role: string }>(
        sql`select role from public.user_profiles where id = ${userId} and suspended_at is null`,
        { readOnly: true },
      )
      return rows.flatMap(({ role }) => (role === 'super_admin' ? ['user', 'admin', role] : ['user', role]))
    },
    permissions: { user: userPermissions },
  },
  jobs: [rollAccounts, abandonUploads, backUpEverything, keepActivity],
  realtimeTables: ['projects', 'project_files', 'file_comments', 'user_subscriptions'],
  journalledTables: [
    'user_profiles',
    'subscription_plans',
    'user_subscriptions',
    'teams',
    'team_members',
    'projects',
    'project_members',
    'project_folders',
    'project_files',
    'file_comments',
    'review_links',
    'project_exports',
    'payment_transactions',
    'credits_usage',
  ],
  personalColumns: {
    user_profiles: { columns: ['full_name', 'company_name', 'suspension_reason'], subject: 'id' },
    file_comments: { columns: ['author_name'], subject: 'author_id' },
  },
  personHooks: ({ database }) => ({
    export: async function* (person) {
      const { rows } = await database.asOwner<{ document: unknown }>(
        sql`select private.account_document(id) as document from public.user_profiles where id::text = ${person}`,
      )
      if (rows[0]) yield { path: 'account.json', content: JSON.stringify(rows[0].document) }
    },
    erase: async (person, { query }) => {
      await query(sql`select private.forget_account(id) from public.user_profiles where id::text = ${person}`)
    },
  }),
  health: ({ database }) => eyemotionHealth(database),
  figures: ({ database }) => eyemotionFigures(database),
  demo: loadDemo,
})
