import { describe, expect, it } from 'vitest'
import { httpErrors } from '../http/index.ts'
import { authErrors } from './errors.ts'
import { renderAuthError } from './render-error.ts'

describe('a failure as GoTrue’s clients read it', () => {
  const render = async (error: unknown, version?: string) => {
    const response = renderAuthError(error, 'request-1', version)
    const body = (await response.json()) as Record<string, unknown>
    return { status: response.status, headers: response.headers, body }
  }

  it('has the status in code for clients that name no version', async () => {
    const { status, headers, body } = await render(authErrors.invalid_credentials())
    expect(status).toBe(400)
    expect(body).toEqual({ code: 400, error_code: 'invalid_credentials', msg: 'Invalid login credentials' })
    expect(headers.has('x-supabase-api-version')).toBe(false)
  })

  it('has the code in code from version 2024-01-01 on, and says which version it speaks', async () => {
    const { headers, body } = await render(authErrors.invalid_credentials(), '2024-01-01')
    expect(body).toMatchObject({ code: 'invalid_credentials', message: 'Invalid login credentials' })
    expect(headers.get('x-supabase-api-version')).toBe('2024-01-01')
  })

  it.each(['2023-06-01', 'latest', ''])('takes version %j for an old client', async (version) => {
    expect((await render(authErrors.not_admin(), version)).body.code).toBe(403)
  })

  it('names the reasons of a weak password', async () => {
    const { body } = await render(
      authErrors.weak_password({ problem: 'Password should be at least 6 characters.', reasons: ['length'] }),
    )
    expect(body).toMatchObject({
      error_code: 'weak_password',
      msg: 'Password should be at least 6 characters.',
      weak_password: { reasons: ['length'] },
    })
  })

  it('says when to try again', async () => {
    const { status, headers } = await render(authErrors.over_request_rate_limit({ seconds: 17 }))
    expect(status).toBe(429)
    expect(headers.get('retry-after')).toBe('17')
  })

  it.each([
    [httpErrors.missing_key(), 401, 'no_authorization'],
    [httpErrors.invalid_token(), 403, 'bad_jwt'],
    [httpErrors.expired_token(), 403, 'bad_jwt'],
    [httpErrors.body_too_large({ limit: 1 }), 413, 'body_too_large'],
  ])('translates %s of the layers around', async (error, status, code) => {
    expect(await render(error)).toMatchObject({ status, body: { error_code: code } })
  })

  it('tells nothing of what nobody foresaw', async () => {
    const { status, body } = await render(new Error('the password is hunter2'))
    expect(status).toBe(500)
    expect(body).toMatchObject({ error_code: 'unexpected_failure', error_id: 'request-1' })
    expect(JSON.stringify(body)).not.toContain('hunter2')
  })
})
