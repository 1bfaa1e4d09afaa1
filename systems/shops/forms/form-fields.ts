import { z } from 'zod'

/** When a field is asked for: by the answer to a field before it. */
const condition = z.object({
  field: z.string(),
  equals: z.unknown().optional(),
  in: z.array(z.unknown()).optional(),
  notEquals: z.unknown().optional(),
})

const shared = {
  key: z.string(),
  label: z.string(),
  /** Default false. A field that its condition hides is never required. */
  required: z.boolean().default(false),
  showIf: condition.optional(),
}

const text = {
  ...shared,
  minLength: z.int().min(0).optional(),
  /** Default 200 characters; 5,000 of a textarea. */
  maxLength: z.int().min(1).max(20_000).optional(),
}

const options = z.array(z.string()).min(1).max(200)

/** A field of a shop's form. `forms.fields` holds a list of them; SQL checks their shape when the form is saved. */
export const formField = z.discriminatedUnion('type', [
  z.object({ type: z.enum(['text', 'textarea', 'email', 'phone', 'url']), ...text }),
  z.object({
    type: z.literal('number'),
    ...shared,
    min: z.number().optional(),
    max: z.number().optional(),
    /** Whether only whole numbers will do. Default false. */
    whole: z.boolean().default(false),
  }),
  z.object({ type: z.literal('select'), ...shared, options }),
  z.object({ type: z.literal('multiselect'), ...shared, options, most: z.int().min(1).optional() }),
  /** Required: it has to be ticked. */
  z.object({ type: z.literal('checkbox'), ...shared }),
  z.object({
    type: z.literal('date'),
    ...shared,
    min: z.iso.date().optional(),
    max: z.iso.date().optional(),
  }),
])

export type FormField = z.output<typeof formField>
export type FormCondition = z.output<typeof condition>
