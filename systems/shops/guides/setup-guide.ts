import { readMigrations } from '@plinth/platform/database'
import { shops } from '../system.ts'

/** BACKEND_SETUP_GUIDE.md: from nothing to a server that an app is connected to. */
export async function renderSetupGuide(): Promise<string> {
  const { migrations } = await readMigrations('shops', new URL('../sql/migrations/', import.meta.url))
  return `# Backend setup guide: shops

Written by \`npm run docs\` from the system's declaration; a test compares. What an app calls is in
[BACKEND_API_REFERENCE.md](BACKEND_API_REFERENCE.md).

## Step by step

1. Have any Node from 20 on, and this folder.
2. \`npm start -- shops\` installs what is missing, starts PostgreSQL and the system, and prints address and keys. Data is in \`./data\`.
3. \`npx --no-install plinth status\` shows them again; \`npx --no-install plinth health\` how each part does.
4. \`npm start -- shops --demo\` also loads a month of a real shop to try, with the account that \`status\` prints.

## Migrations

They are applied at every start, in order, each in a transaction, and checked by their checksum; there is nothing to run by hand.

${migrations.map(({ name }) => `1. \`${name}\``).join('\n')}

A Supabase project takes the same files after \`packages/platform/src/database/platform-sql/000_plinth.sql\` and those of the capability
\`holds\`; what needs a queue (messages, snapshots) stays silent there. A test applies them.

## Functions

Nothing is deployed by hand: ${shops.functions.map(({ name }) => `\`${name}\``).join(', ')} answer at \`/shops/functions/v1/<name>\` as soon as the server runs.

## Environment

| variable | what |
|---|---|
| \`PLINTH_PORT\` | where it listens, 54321 by default |
| \`PLINTH_PUBLIC_URL\` | the https address that clients use; plain HTTP is refused then |
| \`DATABASE_URL\` | a PostgreSQL of your own from 15 on, in place of the one that comes along |
| \`PLINTH_SHOPS_…\` | settings of the system: \`npx --no-install plinth settings list shops\` describes each |
| \`PLINTH_SHOPS_CHANNELS_AI_URL\`, \`…_AI_KEY\` | an OpenAI-compatible API that answers what no keyword does |
| \`PLINTH_SHOPS_PAYMENTS_STRIPE_SECRET_KEY\`, \`…_WEBHOOK_SECRET\` | Stripe, for what shops pay; \`…_RAZORPAY_…\` likewise |
| \`PLINTH_SHOPS_NOTIFICATIONS_SMTP_HOST\`, … | mails; without it they are in \`/shops/inbox\` on a developer's machine |
| \`PLINTH_SHOPS_BACKUPS_COPY_FOLDER\` | a folder on another disk or machine that gets a copy of each backup |
| \`PLINTH_SHOPS_ALERTS_MAIL_TO\` | JSON list of addresses that are told when a part is down |

## Connect your frontend

\`npx --no-install plinth keys --env vite > .env.local\` writes what Vite reads:

\`\`\`
VITE_SUPABASE_URL=http://127.0.0.1:54321/shops
VITE_SUPABASE_ANON_KEY=…
\`\`\`

Then, in the app:

1. \`npm install @supabase/supabase-js\`, and \`createClient(import.meta.env.VITE_SUPABASE_URL, import.meta.env.VITE_SUPABASE_ANON_KEY)\`.
2. Replace each read of localStorage by a query, and each write by an insert or update of the same table, with the id that the app gives
   its rows: an insert that is repeated after a time-out then finds its row (\`23505\`) and adds no second one.
3. \`npx --no-install plinth types shops\` writes \`database.types.ts\` for \`createClient<Database>(…)\`.

## Jobs

${shops.jobs
  .filter(({ schedule }) => schedule)
  .map(
    ({ name, summary, schedule }) =>
      `- \`${name}\` (\`${schedule!.line}\` ${schedule!.zone ?? 'UTC'}): ${summary}`,
  )
  .join('\n')}

\`npx --no-install plinth jobs list shops\` shows what waits and what ran.

## Testing

- \`npm test -- systems/shops\` runs the system's tests on a PostgreSQL that comes along.
- \`npm start -- --simulate\` puts simulators of Stripe and Razorpay in the place of the providers.
- \`/shops/inbox\` shows mails and SMS on a developer's machine.

## Production checklist

- [ ] \`PLINTH_PUBLIC_URL\` is set to an https address; the service key is known to servers only.
- [ ] \`data\` is on a disk of its own, and \`PLINTH_SHOPS_BACKUPS_COPY_FOLDER\` (or S3) on another machine.
- [ ] A snapshot was restored on trial: \`restore_snapshot\` of \`admin-operations\` with \`dryRun\`.
- [ ] \`npx --no-install plinth health\` is well; \`PLINTH_SHOPS_ALERTS_MAIL_TO\` names somebody.
- [ ] Mails leave: \`PLINTH_SHOPS_NOTIFICATIONS_…\` and \`PLINTH_SHOPS_AUTH_…\`.
- [ ] \`plans\` has your prices, and an administrator of the platform is set: \`update profiles set is_admin = true where email = …\` with the service key.

## Troubleshooting

| what you see | why, and what to do |
|---|---|
| \`insufficient_stock\` | fewer units are available than wanted: pending orders hold some; \`get_item_availability\` shows them |
| \`invalid_transition\` | the table of statuses in [docs/shops.md](../../docs/shops.md) |
| an empty list | the signed-in user is no member of the shop, or nobody is signed in: row security hides the rows |
| \`42501\` | the role may not write this table or column |
| yesterday's figures changed | \`metric_restatements\` says when, because of which order, from what to what |
| replies do not leave | \`outbound_messages.error\`, \`social_integrations.last_error\` |
| the server does not start | the last line says what is wrong, with file and line |
`
}
