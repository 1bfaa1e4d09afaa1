import { describe, expect, it } from 'vitest'
import { useAuthHost } from '../tests/auth-host.ts'

const uri = (name: string) => `pg-functions://postgres/public/${name}`

describe('hooks of a project', () => {
  const host = useAuthHost({
    seed: `
      create function public.add_claims(event jsonb) returns jsonb language sql as $$
        select jsonb_build_object('claims', (event -> 'claims')
          || jsonb_build_object('plan', 'pro', 'method', event ->> 'authentication_method', 'sub', 'somebody', 'aal', 'aal2'))
      $$;
      create function public.raise_role(event jsonb) returns jsonb language sql as $$
        select jsonb_build_object('claims', (event -> 'claims') || '{"role": "postgres"}')
      $$;
      create function public.no_answer(event jsonb) returns jsonb language sql as $$ select '[1]'::jsonb $$;
      create function public.too_slow(event jsonb) returns jsonb language sql as $$ select '{}'::jsonb from pg_sleep(60) $$;
      create function public.only_ours(event jsonb) returns jsonb language sql as $$
        select case when event -> 'user' ->> 'email' like '%@ours.test' then '{}'::jsonb
          else '{"error": {"http_code": 403, "message": "Only for us"}}'::jsonb end
      $$;`,
  })
  const claimsOf = (token: string) => JSON.parse(atob(token.split('.')[1]!))

  it('add claims to access tokens, and change nobody’s identity', async () => {
    host.restart({ hookCustomAccessTokenUri: uri('add_claims') })
    const { body } = await host.signUp('ada@ours.test')
    expect(claimsOf(body.access_token)).toMatchObject({
      plan: 'pro',
      method: 'password',
      sub: body.user.id,
      aal: 'aal1',
    })
    const { body: refreshed } = await host.refresh(body.refresh_token)
    expect(claimsOf(refreshed.access_token)).toMatchObject({ plan: 'pro', sub: body.user.id })
  })

  it.each(['raise_role', 'no_answer', 'too_slow', 'not_there'])(
    'give no token when they misbehave: %s',
    async (name) => {
      host.restart({ hookCustomAccessTokenUri: uri(name) })
      const answer = await host.signIn('ada@ours.test')
      expect(answer).toMatchObject({ status: 500, body: { error_code: 'unexpected_failure' } })
      expect(answer.body).not.toHaveProperty('access_token')
    },
  )

  it('refuse accounts before they are made, whatever way', async () => {
    host.restart({
      hookBeforeUserCreatedUri: uri('only_ours'),
      externalAnonymousUsersEnabled: true,
      mailerAutoconfirm: false,
    })
    for (const answer of [
      await host.signUp('eve@example.test'),
      await host.post('/otp', { email: 'mallory@example.test' }),
      await host.post('/signup', {}),
    ])
      expect(answer).toMatchObject({ status: 403, body: { error_code: 'hook_rejected', msg: 'Only for us' } })
    expect((await host.signUp('bob@ours.test')).status).toBe(200)
    expect(await host.messagesTo('eve@example.test')).toEqual([])
  })
})
