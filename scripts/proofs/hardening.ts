import type { Proof } from './proof.ts'

const http = 'packages/platform/src/http'
const rest = 'packages/platform/src/rest'
const realtime = 'packages/platform/src/realtime'
const database = 'packages/platform/src/database'
const journal = 'packages/platform/src/journal'
const auth = 'packages/platform/src/auth'
const fuzz = { file: 'fuzz/src/run-fuzz.e2e.test.ts', test: 'leaves nothing behind' }

/** The points of issue 10: each fix taken out, and the test that claims it. */
export const hardening: readonly Proof[] = [
  {
    point: '1a',
    mistake: 'the target of an upgrade is parsed by `new URL`',
    edits: [
      {
        file: `${http}/upgrade.ts`,
        take: `const [whole = ''] = target.split('#', 1)`,
        give: `const [whole = ''] = new URL(target, 'http://x').href.split('#', 1)`,
      },
    ],
    noticedBy: {
      file: `${http}/upgrade.test.ts`,
      test: 'is refused at //, which no parser has to like',
    },
  },
  {
    point: '1b',
    mistake: 'sockets that leave HTTP have no error listener',
    edits: [
      {
        file: `${http}/listen.ts`,
        take: `server.on('connection', (socket: Socket) => socket.on('error', () => undefined))`,
        give: '',
      },
    ],
    noticedBy: {
      file: `${http}/upgrade.test.ts`,
      test: 'at any moment',
    },
  },
  {
    point: '1c',
    mistake: 'as 1a; the fuzz is to find it by itself',
    edits: [
      {
        file: `${http}/upgrade.ts`,
        take: `const [whole = ''] = target.split('#', 1)`,
        give: `const [whole = ''] = new URL(target, 'http://x').href.split('#', 1)`,
      },
    ],
    noticedBy: fuzz,
  },
  {
    point: '2a',
    mistake: 'a cast is read by a regular expression that backtracks',
    edits: [
      {
        file: `${rest}/catalogue/cast-types.ts`,
        take: 'const parsed = parseTypeName(asked)',
        give: 'const parsed = /^[a-z_]\\w*( *)( *)( *)$/.test(asked) ? parseTypeName(asked) : undefined',
      },
    ],
    noticedBy: { script: 'scripts/check-regular-expressions.ts' },
  },
  {
    point: '2b',
    mistake: 'the end of a quoted value is looked for again from each quote',
    edits: [
      {
        file: `${rest}/request/scanner.ts`,
        take: 'if (start >= this.#unclosedFrom) return undefined',
        give: '',
      },
    ],
    noticedBy: { file: `${rest}/request/linear.test.ts`, test: 'filter' },
  },
  {
    point: '3a',
    mistake: 'a large body is read before its caller’s right to send it is looked at',
    edits: [
      {
        file: `${rest}/rest.ts`,
        take: 'await authoriseBody(this.runner, actIn(head.schema), head)',
        give: '',
      },
    ],
    noticedBy: {
      file: `${rest}/tests/large-bodies.db.test.ts`,
      test: 'for POST /secrets is not read when its caller may not send it',
    },
  },
  {
    point: '3b',
    mistake: 'a body that announces too much is read all the same',
    edits: [
      {
        file: `${rest}/rest.ts`,
        take: 'if (!isChunked && length > maxBody) throw restErrors.payload_too_large({ limit: maxBody })',
        give: '',
      },
    ],
    noticedBy: { file: `${rest}/tests/large-bodies.db.test.ts`, test: 'over the limit is not read' },
  },
  {
    point: '3c',
    mistake: 'a large body is parsed in one go',
    edits: [
      {
        file: `${rest}/request/body/read-body.ts`,
        take: 'const pieceLength = 65_536',
        give: 'const pieceLength = 1_000_000_000',
      },
    ],
    noticedBy: {
      file: `${rest}/request/body/pieces.test.ts`,
      test: 'other work has its turn between the pieces of a large body',
    },
  },
  {
    point: '3d',
    mistake: 'every preference of a `Prefer` header is read, and each zone asked for again',
    edits: [
      { file: `${rest}/request/preferences.ts`, take: `split(',', bounds.preferences)`, give: `split(',')` },
      {
        file: `${rest}/request/preferences.ts`,
        take: 'timeZones.get(name) ?? hasTimeZone(name)',
        give: 'hasTimeZone(name)',
      },
    ],
    noticedBy: {
      file: `${rest}/request/headers.test.ts`,
      test: 'is read up to a number of preferences, and a zone is asked for once',
    },
  },
  {
    point: '3e',
    mistake: 'the body of a broadcast is parsed before its sender’s limit is looked at',
    edits: [
      {
        file: `${realtime}/broadcast/broadcast-routes.ts`,
        take: `takeEvent(sessionOf(c.var.caller.claims), c.var.clientAddress)
      await next()`,
        give: 'await next()',
      },
    ],
    noticedBy: {
      file: `${realtime}/connections/bad-input.db.test.ts`,
      test: 'are counted as events, before their bodies are read',
    },
  },
  {
    point: '3f',
    mistake: 'large bodies are held without a bound over all of them',
    edits: [
      {
        file: `${http}/body-room.ts`,
        take: 'return !isFull && !isUnfair',
        give: 'return !isUnfair',
      },
    ],
    noticedBy: {
      file: `${http}/tests/body-room.test.ts`,
      test: 'large bodies beyond the room are refused until one is done (chunked: false)',
    },
  },
  {
    point: '4a',
    mistake: 'the size of a realtime frame is not looked at before its shape',
    edits: [
      {
        file: `${realtime}/connections/connection.ts`,
        take: '      requireSize(envelope, limits)\n',
        give: '',
      },
    ],
    noticedBy: {
      file: `${realtime}/limits/limits.db.test.ts`,
      test: 'is refused by its size before anything is made of it',
    },
  },
  {
    point: '4b',
    mistake: 'presence of an address is bounded by no room',
    edits: [
      {
        file: `${realtime}/presence/presence-hub.ts`,
        take: `holders.push({ kind: 'client address in this room', key: room, limit: limits.addressInRoom })`,
        give: 'void room',
      },
    ],
    noticedBy: { file: `${realtime}/limits/limits.db.test.ts`, test: 'of an address leaves room for others' },
  },
  {
    point: '4c',
    mistake: 'presence of a user is not bounded over all connections',
    edits: [
      {
        file: `${realtime}/presence/presence-hub.ts`,
        take: `if (user !== null) holders.push({ kind: 'user', key: \`user \${user}\`, limit: limits.user })`,
        give: 'void user',
      },
    ],
    noticedBy: {
      file: `${realtime}/limits/limits.db.test.ts`,
      test: 'of a connection and of a user is bounded, and free again when it is taken back',
    },
  },
  {
    point: '4d',
    mistake: 'connections are not counted by address',
    edits: [
      {
        file: `${realtime}/connections/admit-connections.ts`,
        take: 'if (address === null) return [project]',
        give: 'if (address !== undefined) return [project]',
      },
    ],
    noticedBy: {
      file: `${realtime}/limits/limits.db.test.ts`,
      test: 'of an address are bounded; the service role is not counted by address',
    },
  },
  {
    point: '5a',
    mistake: 'shares of connections never bind',
    edits: [
      {
        file: `${database}/connection-shares.ts`,
        take: 'return bindsUntil > 0 && holders.size > 1 && now() < bindsUntil',
        give: 'return false',
      },
    ],
    noticedBy: {
      file: `${database}/fair-shares.db.test.ts`,
      test: 'do not let one user’s long reads stop another’s',
    },
  },
  {
    point: '5b',
    mistake: 'a read goes on in PostgreSQL when its client has gone',
    edits: [
      {
        file: `${database}/pool.ts`,
        take: 'const leave = () => loan?.cancel(databaseErrors.client_gone())',
        give: 'const leave = () => undefined',
      },
    ],
    noticedBy: {
      file: `${database}/fair-shares.db.test.ts`,
      test: 'end a read in PostgreSQL when its client goes',
    },
  },
  {
    point: '5c',
    mistake: 'a connection is lent again before PostgreSQL has answered the cancel request',
    edits: [
      {
        file: `${database}/cancel-statement.ts`,
        take: 'const say = () => connection.cancel(processID, secretKey)',
        give: `const say = () => {
    connection.cancel(processID, secretKey)
    resolve(true)
  }`,
      },
    ],
    noticedBy: { file: `${database}/fair-shares.db.test.ts`, test: 'end no statement of somebody else' },
  },
  {
    point: '5d',
    mistake: 'a write is ended when its client goes',
    edits: [
      {
        file: `${database}/project-database.ts`,
        take: 'const terms = termsOf(caller, connections.requests, transaction.readOnly ?? false)',
        give: 'const terms = termsOf(caller, connections.requests, true)',
      },
    ],
    noticedBy: {
      file: `${database}/fair-shares.db.test.ts`,
      test: 'do not lose what is being written when its client goes',
    },
  },
  {
    point: '5e',
    mistake: 'statements of anon and authenticated take as long as the service role’s',
    edits: [
      {
        file: `${database}/project-database.ts`,
        take: 'return statementTimeout === undefined ? given : { statementTimeout, ...given }',
        give: 'return statementTimeout === undefined ? given : given',
      },
    ],
    noticedBy: { file: `${database}/fair-shares.db.test.ts`, test: 'is the role’s: anon' },
  },
  {
    point: '5f',
    mistake: 'filters with patterns of one user keep those of others waiting',
    edits: [
      {
        file: `${realtime}/changes/filters/filter-runner.ts`,
        take: 'const mostStatements = 2',
        give: 'const mostStatements = 1',
      },
    ],
    noticedBy: {
      file: `${realtime}/changes/filters/slow-filters.db.test.ts`,
      test: 'a filter that takes long holds up nobody else, and ends',
    },
  },
  {
    point: '5g',
    mistake: 'places for sign-ins are not shared by address',
    edits: [
      {
        file: `${auth}/request.ts`,
        take: 'address: addressKey(c.var.clientAddress),',
        give: `address: '',`,
      },
    ],
    noticedBy: {
      file: `${auth}/endpoints/sign-in-by-password.db.test.ts`,
      test: 'goes on for everybody else, in this project and in others',
    },
  },
  {
    point: '6a',
    mistake: 'patterns are evaluated on rows that their subscriber may not see',
    edits: [
      {
        file: `${realtime}/changes/deliver-changes.ts`,
        take: `of.sees(session, change, 'after') ||`,
        give: `change.after !== null ||`,
      },
      {
        file: `${realtime}/changes/filters/filter-lanes.ts`,
        take: '.filter((side) => sees(audience.session, change, side))',
        give: '.filter((side) => images.indexOf(change, side) !== undefined || sees(audience.session, change, side))',
      },
    ],
    noticedBy: {
      file: `${realtime}/changes/filters/hidden-rows.db.test.ts`,
      test: 'are touched by none of its filters, and leave no trace in its frames',
    },
  },
  {
    point: '6b',
    mistake: 'filters that need no database see every row',
    edits: [
      {
        file: `${realtime}/changes/check-changes.ts`,
        take: 'if (!sees(session, image)) return false',
        give: '',
      },
    ],
    noticedBy: {
      file: `${realtime}/changes/filters/hidden-rows.db.test.ts`,
      test: 'are not given to filters that need no database either',
    },
  },
  {
    point: '6c',
    mistake: 'clients are told the text of SQL errors',
    edits: [
      {
        file: `${realtime}/changes/policies/check-policies.ts`,
        take: 'into.raised.set(sessions[0]!.key, stateOf(error))',
        give: 'into.raised.set(sessions[0]!.key, messageOf(error))',
      },
    ],
    noticedBy: {
      file: `${realtime}/changes/filters/hidden-rows.db.test.ts`,
      test: 'and whose policy raises end every subscription alike, whatever its filter',
    },
  },
  {
    point: '7',
    mistake: '`count=planned` asks the planner, policies or not',
    edits: [
      {
        file: `${rest}/sql/compile.ts`,
        take: `return \`(\${ids.map((id) => \`pg_catalog.row_security_active(\${id}::oid)\`).join(' or ')})\``,
        give: `return ids.length > 0 ? 'false' : 'true'`,
      },
    ],
    noticedBy: {
      file: `${rest}/tests/read-tables.db.test.ts`,
      test: 'tell nobody of rows that policies or views hide',
    },
  },
  {
    point: '8a',
    mistake: 'sessions of the journal and the stream take settings from the database’s owner',
    edits: [
      {
        file: `${database}/pinned-session.ts`,
        take: `options: [given, ...own].filter(Boolean).join(' ') }`,
        give: `options: [given, ...own].filter((each) => each === given).join(' ') }`,
      },
    ],
    noticedBy: {
      file: 'packages/platform/src/project/tests/hostile-owner.db.test.ts',
      test: 'meets no session but his own and his requests’, whatever is run',
    },
  },
  {
    point: '8b',
    mistake: 'the journal’s statements run as the administrator of the cluster',
    edits: [
      {
        file: `${database}/projects/provision-project.ts`,
        take: 'addressAs(cluster.directUrl, { user: journalRole(system), password: secrets.journal, database })',
        give: 'addressAs(cluster.directUrl, { database })',
      },
    ],
    noticedBy: {
      file: `${journal}/tests/journal-role.db.test.ts`,
      test: 'can end no session of the journal, of the stream and of a rewind, nor see what they run',
    },
  },
  {
    point: '8c',
    mistake: 'the owner switches triggers off without a permit',
    edits: [
      {
        file: `${journal}/sql/migrations/001_journal.sql`,
        take: "if not found then\n    raise exception 'this transaction has no permit",
        give: "if false then\n    raise exception 'this transaction has no permit",
      },
    ],
    noticedBy: { file: `${journal}/tests/journal-role.db.test.ts`, test: 'holds for one transaction, once' },
  },
  {
    point: '8d',
    mistake: 'the owner may read the WAL of the whole cluster',
    edits: [
      {
        file: `${database}/projects/roles.ts`,
        take: `await makeRole(client, ownerRole(system), 'login', secrets.owner)`,
        give: `await makeRole(client, ownerRole(system), 'login replication', secrets.owner)`,
      },
    ],
    noticedBy: {
      file: `${journal}/tests/journal-role.db.test.ts`,
      test: 'no login of a system may read the WAL of the cluster, and the one that may can do nothing else',
    },
  },
  {
    point: '8e',
    mistake: 'the owner may make roles',
    edits: [
      {
        file: `${database}/projects/roles.ts`,
        take: `await makeRole(client, ownerRole(system), 'login', secrets.owner)`,
        give: `await makeRole(client, ownerRole(system), 'login createrole', secrets.owner)`,
      },
    ],
    noticedBy: {
      file: `${database}/projects/roles.db.test.ts`,
      test: 'the owner of a system is no administrator of the cluster',
    },
  },
  {
    point: '8f',
    mistake: 'logins of one system enter the databases of others',
    edits: [
      {
        file: `${database}/projects/provision-project.ts`,
        take: 'await client.query(`revoke all on database ${name} from public`)',
        give: '',
      },
    ],
    noticedBy: {
      file: 'server/tests/start-server.e2e.test.ts',
      test: 'keeps systems apart: no role enters another system’s database',
    },
  },
  {
    point: '9',
    mistake: 'who acts is believed without its MAC',
    edits: [
      {
        file: `${database}/callers/actor-message.ts`,
        take: 'if (message.length < macLength + nonceLength) return null',
        give: 'if (message[0] === 0x7b) return message',
      },
    ],
    noticedBy: {
      file: `${journal}/actor.db.test.ts`,
      test: 'what the owner’s SQL says of who acts is nobody',
    },
  },
  {
    point: '10a',
    mistake: 'sign-up cannot be closed',
    edits: [
      {
        file: `${auth}/endpoints/sign-up.ts`,
        take: '  if (settings.disableSignup) throw authErrors.signup_disabled()\n',
        give: '',
      },
    ],
    noticedBy: { file: `${auth}/endpoints/sign-up.db.test.ts`, test: 'can be closed to strangers' },
  },
  {
    point: '10b',
    mistake: 'an account needs no proof of its address',
    edits: [
      {
        file: `${auth}/endpoints/sign-up.ts`,
        take: 'const isUnasked = address.email ? settings.mailerAutoconfirm : settings.smsAutoconfirm',
        give: 'const isUnasked = settings !== undefined',
      },
    ],
    noticedBy: {
      file: `${auth}/endpoints/sign-up.db.test.ts`,
      test: 'gives a user without a session, who cannot sign in before somebody confirms the address',
    },
  },
  {
    point: '11',
    mistake: 'media types are looked up among an object’s properties',
    edits: [
      {
        file: `${rest}/request/media.ts`,
        take: 'const simple = formats.get(accept)',
        give: 'const simple = (Object.fromEntries(formats) as Record<string, Format>)[accept]',
      },
    ],
    noticedBy: { file: `${rest}/request/headers.test.ts`, test: 'constructor is nothing' },
  },
  {
    point: '12',
    mistake: 'keys are printed where nobody sits at a terminal',
    edits: [
      {
        file: 'server/src/terminal/banner.ts',
        take: 'process.stdout.isTTY ? bannerOf(status) : bannerForLogs(status)',
        give: 'bannerOf(status) || bannerForLogs(status)',
      },
    ],
    noticedBy: {
      file: 'acceptance/src/commands.e2e.test.ts',
      test: 'writes no key and no password where it does not talk to a terminal',
    },
  },
  {
    point: '13a',
    mistake: '`/health` tells everybody everything',
    edits: [
      {
        file: `${http}/health-routes.ts`,
        take: 'project === undefined ? withoutDetails(whole) : withDetailsOf(project, whole)',
        give: 'project === undefined ? whole : (withDetailsOf(project, whole) ?? withoutDetails(whole))',
      },
    ],
    noticedBy: { file: `${http}/health.test.ts`, test: 'is one word for each part to anybody' },
  },
  {
    point: '13b',
    mistake: 'every question about health runs every check',
    edits: [
      {
        file: `${http}/health.ts`,
        take: 'if (report && (!fresh || now() - madeAt < freshness)) return report',
        give: '',
      },
    ],
    noticedBy: {
      file: `${http}/health.test.ts`,
      test: 'are made once a second and once at a time, whoever asks',
    },
  },
  {
    point: '13c',
    mistake: '`/health/live` waits for what is busy',
    edits: [
      {
        file: `${http}/health-routes.ts`,
        take: `app.get('/health/live', (c) => c.json({ status: 'ok' }))`,
        give: `app.get('/health/live', async (c) => c.json({ status: (await report()) && 'ok' }))`,
      },
    ],
    noticedBy: {
      file: `${http}/health.test.ts`,
      test: 'is alive while everything else is busy, and asked for by eighty',
    },
  },
  {
    point: '14a',
    mistake: 'clients write the members of a shop',
    edits: [
      {
        file: 'systems/shops/sql/migrations/004_policies.sql',
        take: 'revoke insert, update on public.team_members from authenticated;',
        give: `create policy "invited by anybody" on public.team_members for insert to authenticated
  with check (shop_id = any ((select private.my_shops('Owner'))::uuid[]));`,
      },
    ],
    noticedBy: {
      file: 'systems/shops/tests/team.db.test.ts',
      test: 'nobody becomes a member: no client writes a row of team_members',
    },
  },
  {
    point: '14b',
    mistake: 'an invitation makes a member before it is accepted',
    edits: [
      {
        file: 'systems/shops/sql/migrations/007_team.sql',
        take: `    returning * into v_invitation;
  return jsonb_build_object`,
        give: `    returning * into v_invitation;
  if p_user_id is not null then
    insert into public.team_members (shop_id, user_id, role) values (p_shop_id, p_user_id, p_role);
  end if;
  return jsonb_build_object`,
      },
    ],
    noticedBy: {
      file: 'systems/shops/tests/team.db.test.ts',
      test: 'by user id makes a member when that user accepts, and only then',
    },
  },
  {
    point: '14c',
    mistake: 'whoever opens a shop chooses its plan',
    edits: [
      {
        file: 'systems/shops/sql/migrations/004_policies.sql',
        take: 'grant insert (id, owner_id, name,',
        give: 'grant insert (subscription_plan, id, owner_id, name,',
      },
    ],
    noticedBy: {
      file: 'systems/shops/tests/team.db.test.ts',
      test: 'cannot be chosen by whoever opens it',
    },
  },
  {
    point: '15a',
    mistake: 'webhooks go to private addresses',
    edits: [
      {
        file: 'packages/platform/src/webhooks/post-webhook.ts',
        take: 'if (!privateAddresses && isPrivateHost(hostname))',
        give: 'if (!privateAddresses && isPrivateHost(hostname) && hostname === undefined)',
      },
    ],
    noticedBy: {
      file: 'packages/platform/src/webhooks/post-webhook.test.ts',
      test: 'does not go to this machine, however its address is written or resolved',
    },
  },
  {
    point: '15b',
    mistake: 'a webhook’s name is resolved to any address that it has',
    edits: [
      {
        file: 'packages/platform/src/webhooks/post-webhook.ts',
        take: 'found.filter(({ address }) => isPublicAddress(address))',
        give: 'found.filter(({ address }) => isPublicAddress(address) || address)',
      },
    ],
    noticedBy: {
      file: 'packages/platform/src/webhooks/post-webhook.test.ts',
      test: 'is connected to addresses that were checked, and to no other that the name has',
    },
  },
  {
    point: '16',
    mistake: 'a log line has no bound',
    edits: [
      {
        file: 'packages/platform/src/kernel/log.ts',
        take: 'formatters: { log: boundLogFields },',
        give: 'formatters: { log: (fields) => (fields.err ? fields : boundLogFields(fields)) },',
      },
    ],
    noticedBy: {
      file: 'packages/platform/src/kernel/log.test.ts',
      test: 'of a trigger that calls itself is a few kilobytes, and says how long its context was',
    },
  },
  {
    point: '17a',
    mistake: 'an embed goes through a junction of a schema that is not served',
    edits: [
      {
        file: `${rest}/catalogue/relationships.ts`,
        take: 'if (!exposed.has(junction.schema)) return []',
        give: 'if (!exposed) return []',
      },
    ],
    noticedBy: {
      file: `${rest}/tests/relationships.db.test.ts`,
      test: 'of a schema that is not served joins nothing',
    },
  },
  {
    point: '17b',
    mistake: 'an empty bearer is anonymous',
    edits: [
      {
        file: `${rest}/standalone/verify-token.ts`,
        take: `if (token === '') throw restErrors.PGRST301({ problem: 'Empty JWT is sent in Authorization header' })
    const claims: JsonObject = token === undefined ?`,
        give: 'const claims: JsonObject = !token ?',
      },
    ],
    noticedBy: {
      file: `${rest}/standalone/serve-rest.db.test.ts`,
      test: 'refuses bad tokens, and strangers when there is no role for them',
    },
  },
  {
    point: '17c',
    mistake: 'a malformed `aud` passes',
    edits: [
      {
        file: `${rest}/standalone/verify-token.ts`,
        take: `if (!audiences.every((one) => typeof one === 'string')) {`,
        give: `if (!audiences.every((one) => one !== undefined)) {`,
      },
    ],
    noticedBy: {
      file: `${rest}/standalone/serve-rest.db.test.ts`,
      test: 'refuses bad tokens, and strangers when there is no role for them',
    },
  },
  {
    point: '17d',
    mistake: '`tx=rollback` does not ask deferred constraints',
    edits: [
      {
        file: `${database}/callers/run-transaction.ts`,
        take: 'rollback === true && !readOnly',
        give: 'rollback === true && readOnly === undefined && rollback !== true',
      },
    ],
    noticedBy: {
      file: `${rest}/tests/write-tables.db.test.ts`,
      test: 'a dry run is refused where its commit would be',
    },
  },
]
