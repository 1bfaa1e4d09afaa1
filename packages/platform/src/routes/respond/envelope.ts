import type { AppError, ErrorDetails } from '../../kernel/index.ts'

/** What an answer is made for. */
export interface AnswerFacts {
  readonly requestId: string
  readonly now: Date
}

export interface FailureFacts extends AnswerFacts {
  /** Facts of an error of the system's own catalogue; empty for any other, whose message has what there is to say. */
  readonly details: ErrorDetails
}

type JsonSchema = Readonly<Record<string, unknown>>

/** The shape of a system's answers in JSON. */
export interface Envelope {
  success(data: unknown, facts: AnswerFacts): unknown
  failure(error: AppError, facts: FailureFacts): unknown
  /** The same in JSON Schema, for the API reference: of a success around `data`, and of a failure. */
  readonly schemas: { success(data: JsonSchema): JsonSchema; readonly failure: JsonSchema }
}

const failureSchema = {
  type: 'object',
  properties: {
    success: { const: false },
    error: { type: 'string' },
    code: { type: 'string' },
    hint: { type: 'string' },
    details: { type: 'object' },
    request_id: { type: 'string' },
  },
  required: ['success', 'error', 'code', 'hint', 'request_id'],
}

function failure({ message, code, hint }: AppError, { requestId, details }: FailureFacts) {
  const hasDetails = Object.keys(details).length > 0
  return {
    success: false,
    error: message,
    code,
    hint,
    ...(hasDetails ? { details } : {}),
    request_id: requestId,
  }
}

/** `{success: true, data}`, or `{success: false, error, code, hint, details?, request_id}`. */
export const dataEnvelope: Envelope = {
  success: (data) => ({ success: true, data }),
  failure,
  schemas: {
    success: (data) => ({
      type: 'object',
      properties: { success: { const: true }, data },
      required: ['success', 'data'],
    }),
    failure: failureSchema,
  },
}

/** The data itself, for routes whose schema says every key; failures as in {@link dataEnvelope}. */
export const bareEnvelope: Envelope = {
  success: (data) => data,
  failure,
  schemas: { success: (data) => data, failure: failureSchema },
}

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
