import { sql } from '@plinth/platform/database'
import { type ChannelSimulator, startChannels, type WebhookRequest } from '@plinth/simulators'
import { actor } from '@plinth/testing'
import { useSystem } from '@plinth/testing/system'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { shops } from '../system.ts'
import { openShop, refusal, value } from './shop-fixture.ts'

const ada = actor('ada')
const agent = actor('agent')
const other = actor('other')
const secret = 'webhook-secret'
const environment: Record<string, string> = {}
let simulator: ChannelSimulator
let shopId: string
const accounts: Record<string, string> = {}

beforeAll(async () => {
  simulator = await startChannels()
  const { url } = simulator
  Object.assign(environment, {
    PLINTH_SHOPS_CHANNELS_TELEGRAM_URL: url,
    PLINTH_SHOPS_CHANNELS_LINE_URL: url,
    PLINTH_SHOPS_CHANNELS_META_URL: url,
    PLINTH_SHOPS_CHANNELS_AI_URL: `${url}/v1`,
    PLINTH_SHOPS_CHANNELS_AI_KEY: 'sk-model',
    PLINTH_SHOPS_CHANNELS_LINE_CLIENT_ID: 'app',
    PLINTH_SHOPS_CHANNELS_LINE_CLIENT_SECRET: 'app-secret',
    PLINTH_SHOPS_CHANNELS_LINE_AUTHORIZE_URL: `${url}/oauth/authorize`,
    PLINTH_SHOPS_CHANNELS_LINE_TOKEN_URL: `${url}/oauth/token`,
    PLINTH_SHOPS_CHANNELS_LINE_REVOKE_URL: `${url}/oauth/revoke`,
  })
})
afterAll(() => simulator.stop())

const test = useSystem(shops, { environment })

const act = async (body: object, as = ada) => (await test.call('conversation-operations', body, { as })).body

beforeAll(async () => {
  await test.signUp(ada, agent, other)
  shopId = await openShop(test.database, ada)
  await test.database.asOwner(
    sql`insert into public.team_members (shop_id, user_id, role) values (${shopId}, ${agent.userId}, 'Support Agent')`,
  )
  for (const platform of ['telegram', 'line', 'facebook']) {
    const { data } = await act({
      action: 'connect_channel',
      shopId,
      platform,
      accessToken: `token-of-${platform}`,
      webhookSecret: secret,
    })
    accounts[platform] = data.integrationId
  }
})

const deliver = ({ body, headers }: WebhookRequest, account: string, more: Record<string, string> = {}) =>
  test.request(`/channels/${accounts[account]}`, { method: 'POST', body, headers: { ...headers, ...more } })

let ids = 100
const nextId = () => String(++ids)

const write = (customer: string, text: string, id = nextId()) =>
  deliver(simulator.telegram({ customer, text, id, secret }), 'telegram')

const rule = (keywords: string[], reply: string, more: object = {}) =>
  value<string>(
    test.database,
    ada,
    sql`insert into public.keyword_replies select (jsonb_populate_record(null::public.keyword_replies, ${JSON.stringify(
      {
        id: crypto.randomUUID(),
        shop_id: shopId,
        keywords,
        reply,
        match_type: 'contains',
        apply_to_chat: true,
        apply_to_comments: false,
        buttons: [],
        priority: 0,
        cooldown_seconds: 0,
        enabled: true,
        created_at: '2026-01-01',
        updated_at: '2026-01-01',
        ...more,
      },
    )}::jsonb)).* returning id`,
  )

/** What was sent to a customer, in order. */
const sentTo = async (to: string) => {
  await test.jobs.runDue()
  return simulator.taken.filter((message) => message.to === to).map(({ text }) => text)
}

const conversation = async (customer: string) =>
  (
    await test.database.asOwner<{
      id: string
      state: string
      assigned_to: string | null
      bot_paused_until: string | null
    }>(
      sql`select id, state, assigned_to, bot_paused_until::text from public.conversations where external_id = ${customer}`,
    )
  ).rows[0]!

describe('what comes in', () => {
  it('is stored once by the platform’s id, however often it is delivered, and opens a conversation', async () => {
    const message = simulator.telegram({ customer: '7', text: 'Hello\u0000 there \ud800', id: '900', secret })
    const answers = await Promise.all([1, 2, 3].map(() => deliver(message, 'telegram')))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200])
    expect(answers.map(({ body }) => body.data.received).sort()).toEqual([0, 0, 1])
    const { rows } = await test.database.asOwner(
      sql`select m.text, c.customer_name, c.state, c.platform from public.messages m join public.conversations c on c.id = m.conversation_id
          where m.external_id = 'telegram:7:900'`,
    )
    expect(rows).toEqual([
      { text: 'Hello there \ufffd', customer_name: 'Cleo', state: 'open', platform: 'telegram' },
    ])
  })

  it('is refused without the platform’s signature over its bytes, and at an account that is not there', async () => {
    const line = simulator.line({ customer: 'Uline', text: 'hi', id: '1', secret })
    expect((await deliver({ ...line, body: line.body.replace('hi', 'ho') }, 'line')).body.code).toBe(
      'channel_signature_invalid',
    )
    expect((await deliver(line, 'line', { 'x-line-signature': '' })).status).toBe(401)
    expect((await deliver(line, 'facebook')).status).toBe(401)
    const nowhere = await test.request(`/channels/${crypto.randomUUID()}`, {
      method: 'POST',
      body: line.body,
      headers: line.headers,
    })
    expect([nowhere.status, nowhere.body.code]).toEqual([404, 'unknown_channel'])
    expect((await deliver(line, 'line')).body.data).toEqual({ received: 1 })
    // Signed and senseless: taken, and nothing of it kept.
    expect(
      (await deliver({ body: '[', headers: { 'x-telegram-bot-api-secret-token': secret } }, 'telegram'))
        .status,
    ).toBe(200)
  })

  it('Meta’s challenge is answered to whoever knows the account’s token', async () => {
    const { data } = await act({
      action: 'connect_channel',
      shopId,
      platform: 'facebook',
      accessToken: 'token-of-facebook',
    })
    const ask = (token: string) =>
      test.request(
        `/channels/${accounts['facebook']}?hub.mode=subscribe&hub.verify_token=${token}&hub.challenge=123`,
      )
    expect((await ask(data.verifyToken)).body).toBe('123')
    expect((await ask('guess')).body.code).toBe('unknown_channel')
  })
})

describe('keywords answer (AT-41)', () => {
  it('once for each message, by priority, within the cool-down, and their answer leaves by the channel', async () => {
    await rule(['delivery'], 'Within three days.', { priority: 1 })
    await rule(['deliv'], 'Low priority.')
    const id = nextId()
    await Promise.all([1, 2, 3].map(() => write('20', 'When is DELIVERY?', id)))
    expect(await sentTo('20')).toEqual(['Within three days.'])
    await rule(['opening'], 'From nine.', { cooldown_seconds: 600 })
    await write('20', 'opening?')
    await write('20', 'opening hours?')
    expect(await sentTo('20')).toEqual(['Within three days.', 'From nine.'])
    await test.database.asOwner(
      sql`update private.bot_answers set answered_at = answered_at - interval '601 seconds'`,
    )
    await write('20', 'opening?')
    expect(await sentTo('20')).toHaveLength(3)
  })

  it('no answer has an answer: an echo that holds its own keyword is nothing new, nor is a bot’s message', async () => {
    await rule(['loop'], 'A loop has the word loop.')
    const facebook = (id: string, more: object = {}) =>
      deliver(simulator.facebook({ customer: 'F1', text: 'loop', id, secret, ...more }), 'facebook')
    await facebook('mid.1')
    expect(await sentTo('F1')).toEqual(['A loop has the word loop.'])
    const sent = simulator.taken.find(({ to }) => to === 'F1')!
    await facebook(sent.id, { echo: true })
    await facebook(sent.id)
    expect(await sentTo('F1')).toHaveLength(1)
  })

  it('two bots that answer each other are stopped', async () => {
    for (let times = 0; times < 25; times++) await write('30', `loop ${times}`)
    expect(await sentTo('30')).toHaveLength(20)
    expect((await conversation('30')).bot_paused_until).not.toBeNull()
  })

  it('comments have rules of their own and are answered below the comment', async () => {
    await rule(['price'], 'See our page.', { apply_to_chat: false, apply_to_comments: true })
    await deliver(
      simulator.facebook({ customer: 'F2', text: 'price?', id: 'comment-1', secret, comment: true }),
      'facebook',
    )
    expect(await sentTo('comment-1')).toEqual(['See our page.'])
  })

  it('a person who writes takes over: the bot is silent until the shop’s minutes are over', async () => {
    await write('40', 'delivery')
    const { id } = await conversation('40')
    await test.database.asCaller(
      agent,
      sql`insert into public.messages (shop_id, conversation_id, sender, text) values (${shopId}, ${id}, 'bot', 'I will look.')`,
    )
    await write('40', 'delivery')
    expect(await sentTo('40')).toEqual(['Within three days.', 'I will look.'])
    expect(await conversation('40')).toMatchObject({ assigned_to: agent.userId, state: 'open' })
    await test.database.asOwner(
      sql`update public.conversations set bot_paused_until = now() where id = ${id}`,
    )
    await write('40', 'delivery')
    expect(await sentTo('40')).toHaveLength(3)
  })

  it('rules are tried without a message, and those that RE2 does not have are named', async () => {
    const broken = await rule(['a(?=b)'], 'x', { match_type: 'regex' })
    const { data } = await act({ action: 'test_replies', shopId, text: 'Delivery' }, agent)
    expect(data.rules).toHaveLength(2)
    expect(data.broken).toMatchObject([{ rule: broken, keyword: 'a(?=b)' }])
    expect((await act({ action: 'test_replies', shopId, text: 'x' }, other)).code).toBe('unknown_shop')
  })
})

describe('the AI port', () => {
  const credits = () =>
    value<number>(test.database, null, sql`select ai_credits_used from public.shops where id = ${shopId}`)

  it('answers what no keyword does, a credit each, and gives the credit back when it cannot', async () => {
    await write('50', 'Do you ship to Mars?')
    expect(await sentTo('50')).toEqual([])
    await test.database.asOwner(
      sql`update public.shops set ai_enabled = true, ai_credits_included = 2, ai_instructions = 'Be brief.' where id = ${shopId}`,
    )
    await write('50', 'Do you ship to Venus?')
    expect(await sentTo('50')).toEqual(['Answer to: Do you ship to Venus?'])
    expect(await credits()).toBe(1)
    expect(JSON.stringify(simulator.questions.at(-1))).toContain('Be brief.')
    simulator.faults.add({ path: '/v1/chat/completions', status: 500, times: 9 })
    await write('50', 'And the Moon?')
    expect(await sentTo('50')).toHaveLength(1)
    expect(await credits()).toBe(1)
    simulator.faults.clear()
    await write('51', 'first')
    await write('52', 'second')
    await Promise.all([sentTo('51'), sentTo('52')])
    expect([...(await sentTo('51')), ...(await sentTo('52'))]).toHaveLength(1)
    expect(await credits()).toBe(2)
  })

  it('keeps silent when a person took over while the model thought', async () => {
    await test.database.asOwner(sql`update public.shops set ai_credits_included = 10 where id = ${shopId}`)
    await write('53', 'hello?')
    const { id } = await conversation('53')
    await test.database.asOwner(
      sql`update public.conversations set bot_paused_until = 'infinity' where id = ${id}`,
    )
    expect(await sentTo('53')).toEqual([])
    expect(await credits()).toBe(2)
    await test.database.asOwner(sql`update public.shops set ai_enabled = false where id = ${shopId}`)
  })
})

describe('agents', () => {
  const inbox = async (as = agent) =>
    (
      await test.database.asCaller<{ id: string; unread: number; last_message: string; state: string }>(
        as,
        sql`select id, unread, last_message, state from public.get_inbox(${shopId})`,
      )
    ).rows

  it('each have their own unread messages, and assignment, notes and states', async () => {
    await write('60', 'one')
    await write('60', 'two')
    const { id } = await conversation('60')
    const mine = async (as = agent) => (await inbox(as)).find((row) => row.id === id)
    expect(await mine()).toMatchObject({ unread: 2, last_message: 'two', state: 'open' })
    await test.database.asCaller(agent, sql`select public.mark_conversation_read(${id})`)
    expect([(await mine())?.unread, (await mine(ada))?.unread]).toEqual([0, 2])
    await write('60', 'three')
    expect((await mine())?.unread).toBe(1)
    await test.database.asCaller(
      agent,
      sql`insert into public.conversation_notes (shop_id, conversation_id, text) values (${shopId}, ${id}, 'Knows Ada')`,
    )
    const assign = (user: string) =>
      test.database.asCaller(
        agent,
        sql`update public.conversations set assigned_to = ${user}, state = 'closed' where id = ${id}`,
      )
    expect(await refusal(assign(other.userId))).toBe('not_a_member PT422')
    await assign(ada.userId)
    expect(await conversation('60')).toMatchObject({ assigned_to: ada.userId, state: 'closed' })
    await write('60', 'four')
    expect((await conversation('60')).state).toBe('open')
    expect(
      await refusal(test.database.asCaller(other, sql`select public.mark_conversation_read(${id})`)),
    ).toBe('unknown_conversation PT404')
    expect((await test.database.asCaller(other, sql`select from public.conversation_notes`)).rowCount).toBe(0)
  })

  it('fill saved replies in, once: what a customer calls themselves is no variable', async () => {
    const { id } = await conversation('60')
    await test.database.asOwner(
      sql`update public.conversations set customer_name = '{{shop_name}}' where id = ${id}`,
    )
    const reply = await value<string>(
      test.database,
      agent,
      sql`insert into public.saved_replies (shop_id, title, content, shortcut)
          values (${shopId}, 'Hi', 'Hi {{ customer_name }}, {{shop_name}} here{{order}}. {{unknown}} }}', 'hi') returning id`,
    )
    const render = sql`select public.render_saved_reply(${reply}, ${id}) as text`
    expect(await value(test.database, agent, render)).toBe(
      'Hi {{shop_name}}, Corner shop here. {{unknown}} }}',
    )
    expect(await refusal(test.database.asCaller(other, render))).toBe('unknown_conversation PT404')
  })

  it('a reply that a platform refuses or that was cut off says so; LINE is asked again under its key', async () => {
    const say = async (customer: string, text: string) => {
      const { id } = await conversation(customer)
      return value<string>(
        test.database,
        agent,
        sql`insert into public.messages (shop_id, conversation_id, sender, text) values (${shopId}, ${id}, 'bot', ${text}) returning id`,
      )
    }
    const stateOf = (message: string) =>
      value<string>(
        test.database,
        agent,
        sql`select state from public.outbound_messages where message_id = ${message}`,
      )
    simulator.faults.add({ path: '/bot*', status: 403 })
    const refused = await say('60', 'refused')
    await test.jobs.runDue()
    expect(await stateOf(refused)).toBe('failed')
    simulator.faults.add({ path: '/bot*', hangUp: 'after' })
    const cut = await say('60', 'cut off')
    await test.jobs.runDue()
    expect(await stateOf(cut)).toBe('unknown')
    expect((await sentTo('60')).filter((text) => text === 'cut off')).toHaveLength(1)
    simulator.faults.add({ path: '/v2/bot*', hangUp: 'after' })
    const line = await say('Uline', 'again')
    await test.jobs.runDue()
    await test.jobs.run('send-message', { message: line })
    expect(await stateOf(line)).toBe('sent')
    expect((await sentTo('Uline')).filter((text) => text === 'again')).toHaveLength(1)
  })
})

describe('social accounts (S-B10)', () => {
  it('are connected by OAuth, renewed before they end, and revoked; no token is readable', async () => {
    const begun = await act({
      action: 'begin_oauth',
      shopId,
      platform: 'line',
      redirectUri: 'https://app.example/back',
    })
    const state = new URL(begun.data.url).searchParams.get('state')!
    const finish = (as: typeof ada, given = state, code = 'code-1') =>
      act({ action: 'finish_oauth', state: given, code }, as)
    expect((await finish(agent)).code).toBe('oauth_refused')
    expect((await finish(ada, `${state}x`)).code).toBe('oauth_refused')
    expect((await finish(ada, state, 'bad-code')).code).toBe('oauth_refused')
    expect((await finish(ada)).data.integrationId).toBe(accounts['line'])
    const expiry = () =>
      value<string>(
        test.database,
        ada,
        sql`select token_expires_at::text from public.social_integrations where platform = 'line'`,
      )
    const before = await expiry()
    await test.database.asOwner(
      sql`update public.social_integrations set token_expires_at = now() where platform = 'line'`,
    )
    await test.jobs.run('refresh-social-tokens')
    expect(await expiry()).toBe(before)
    const stored = await value<string>(
      test.database,
      null,
      sql`select encode(access_token_sealed, 'escape') from private.social_tokens limit 1`,
    )
    expect(stored).not.toContain('access of')
    expect((await test.request('/rest/v1/social_tokens', { as: 'service' })).status).toBe(404)
    expect((await act({ action: 'disconnect_channel', shopId, platform: 'line' }, agent)).code).toBe(
      'forbidden',
    )
    expect((await act({ action: 'disconnect_channel', shopId, platform: 'line' })).data).toEqual({
      disconnected: true,
      revoked: true,
    })
    expect(simulator.revoked).toEqual(['access of next of code-1'])
    expect(
      (
        await act({
          action: 'begin_oauth',
          shopId,
          platform: 'tiktok',
          redirectUri: 'https://app.example/back',
        })
      ).code,
    ).toBe('channel_not_set')
  })

  it('an account whose token is not renewed any more is switched off, with the reason', async () => {
    await act({
      action: 'connect_channel',
      shopId,
      platform: 'line',
      accessToken: 'some-token',
      refreshToken: 'bad-refresh',
      expiresAt: test.clock.now().toISOString(),
    })
    await test.jobs.run('refresh-social-tokens')
    const { rows } = await test.database.asCaller(
      ada,
      sql`select is_active, last_error from public.social_integrations where platform = 'line'`,
    )
    expect(rows).toEqual([{ is_active: false, last_error: expect.stringContaining('renew') }])
  })
})
