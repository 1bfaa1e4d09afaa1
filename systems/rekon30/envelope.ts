import type { Envelope } from '@plinth/platform/routes'

type JsonSchema = Readonly<Record<string, unknown>>

const withSuccess = (schema: JsonSchema): JsonSchema => ({
  allOf: [{ type: 'object', properties: { success: { const: true } }, required: ['success'] }, schema],
})

/** `{success: true, …}` and `{success: false, error, code, hint, …, request_id}`: the facts stand beside, not below. */
export const flatEnvelope: Envelope = {
  success: (data) => ({ success: true, ...(data as object) }),
  failure: ({ message, code, hint }, { requestId, details }) => ({
    ...details,
    success: false,
    error: message,
    code,
    hint,
    request_id: requestId,
  }),
  schemas: {
    success: withSuccess,
    failure: {
      type: 'object',
      properties: {
        success: { const: false },
        error: { type: 'string' },
        code: { type: 'string' },
        hint: { type: 'string' },
        request_id: { type: 'string' },
      },
      required: ['success', 'error', 'code', 'hint', 'request_id'],
    },
  },
}
