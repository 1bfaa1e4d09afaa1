import { createHash } from 'node:crypto'
import { ask, type ScopedDatabase, sql } from '@plinth/platform/database'
import { z } from 'zod'
import { shopErrors } from '../errors.ts'
import { defineRoute } from '../uses.ts'
import { checkAnswers } from './check-answers.ts'
import { formField } from './form-fields.ts'

const formParams = z.object({ formId: z.uuid() })
const orderParams = z.object({ formId: z.uuid(), orderId: z.uuid() })

const offered = z.object({
  id: z.string(),
  name: z.string(),
  description: z.string().nullable(),
  category: z.string().nullable(),
  image_url: z.string().nullable(),
  item_type: z.enum(['product', 'service']),
  parent_id: z.string().nullable(),
  variant: z.record(z.string(), z.unknown()).nullable(),
  price: z.number(),
  regular_price: z.number(),
  promotion_ends_at: z.string().nullable(),
  available: z.number().nullable(),
})

const page = z.object({
  form: z.object({
    id: z.string(),
    name: z.string(),
    description: z.string().nullable(),
    fields: z.array(z.unknown()),
    requires_payment_proof: z.boolean(),
  }),
  shop: z.object({ name: z.string(), logo_url: z.string().nullable(), currency: z.string() }),
  items: z.array(offered),
  payment_methods: z.array(
    z.object({
      id: z.string(),
      name: z.string(),
      type: z.string().nullable(),
      details: z.unknown(),
      instructions: z.string().nullable(),
      qr_code_url: z.string().nullable(),
    }),
  ),
})

const formOrder = z.object({
  id: z.string(),
  submission_id: z.string(),
  status: z.string(),
  submitted_at: z.string(),
  currency: z.string(),
  total: z.number(),
  discount: z.number(),
  coupon_code: z.string().nullable(),
  shipping_status: z.string(),
  shipping_carrier: z.string().nullable(),
  tracking_number: z.string().nullable(),
  tracking_url: z.string().nullable(),
  payment_method: z.string().nullable(),
  lines: z.array(
    z.object({
      item_id: z.string().nullable(),
      name: z.string(),
      quantity: z.number(),
      unit_price: z.number(),
      amount: z.number(),
    }),
  ),
  payment_proofs: z.array(
    z.object({ state: z.string(), note: z.string().nullable(), uploaded_at: z.string() }),
  ),
})

type Page = z.output<typeof page>
type FormOrder = z.output<typeof formOrder>

async function readPage(db: ScopedDatabase, formId: string): Promise<Page> {
  const found = await ask<Page | null>(db, sql`select private.form_page(${formId}) as answer`, {
    readOnly: true,
  })
  if (!found) throw shopErrors.unknown_form()
  return found
}

/** Made by the customer's device, kept there: whoever has it opens the order. */
const orderKey = z.string().min(20).max(200)

const hashOf = (key: string) => createHash('sha256').update(key).digest()

function keyOf(request: Request): Buffer {
  const key = orderKey.safeParse(request.headers.get('x-order-key') ?? '')
  if (!key.success) throw shopErrors.unknown_order()
  return hashOf(key.data)
}

/** A form as customers see it, without an account. */
const orderForm = defineRoute({
  method: 'GET',
  path: '/order-forms/:formId',
  summary: 'A shop’s order form: its fields, what it offers at the price of this moment, and how to pay.',
  access: 'public',
  limit: { calls: 120, seconds: 60, per: 'address' },
  params: formParams,
  responses: { 200: page },
  handle: ({ asService }, { params }) => readPage(asService('a customer opens an order form'), params.formId),
})

/** Places an order without an account. The same key again answers the same order (AT-42). */
const submitOrder = defineRoute({
  method: 'POST',
  path: '/order-forms/:formId/orders',
  summary: 'Places an order by a form; its units are held for the form’s minutes.',
  access: 'public',
  limit: { calls: 10, seconds: 60, per: 'address' },
  params: formParams,
  body: z.object({
    key: orderKey,
    items: z
      .array(z.object({ id: z.uuid(), quantity: z.int().min(1).max(1_000) }))
      .min(1)
      .max(100),
    answers: z.record(z.string(), z.unknown()).default({}),
    customer: z
      .object({
        name: z.string().trim().min(1).max(200).optional(),
        email: z.email().max(320).optional(),
        phone: z.string().trim().min(4).max(40).optional(),
      })
      .default({}),
    deliveryAddress: z
      .record(z.string().max(40), z.string().max(400))
      .refine((address) => Object.keys(address).length <= 20, 'has more than 20 parts')
      .optional(),
    paymentMethodId: z.uuid().optional(),
    couponCode: z.string().trim().min(1).max(40).optional(),
  }),
  responses: { 200: formOrder },
  handle: async ({ asService }, { params: { formId }, body }) => {
    const db = asService('a customer orders by a form')
    const { form } = await readPage(db, formId)
    const { answers, problems } = checkAnswers(z.array(formField).parse(form.fields), body.answers)
    if (problems.length > 0) throw shopErrors.invalid_answers({ problems })
    const wish = {
      items: body.items,
      customer_name: body.customer.name,
      customer_email: body.customer.email,
      customer_phone: body.customer.phone,
      payment_method_id: body.paymentMethodId,
      coupon_code: body.couponCode,
      custom_fields: answers,
      delivery_address: body.deliveryAddress,
    }
    return ask<FormOrder>(
      db,
      sql`select private.place_form_order(${formId}, ${hashOf(body.key)}, ${JSON.stringify(wish)}::jsonb) as answer`,
    )
  },
})

/** What became of an order, for whoever has its key. */
const followOrder = defineRoute({
  method: 'GET',
  path: '/order-forms/:formId/orders/:orderId',
  summary: 'An order that was placed by a form, with the key in x-order-key.',
  access: 'public',
  limit: { calls: 60, seconds: 60, per: 'address' },
  params: orderParams,
  responses: { 200: formOrder },
  handle: ({ asService, request }, { params: { formId, orderId } }) =>
    ask<FormOrder>(
      asService('a customer looks at an order'),
      sql`select private.form_order(${formId}, ${orderId}, ${keyOf(request)}) as answer`,
    ),
})

const proofBytes = 10 * 1024 * 1024

/** Takes a payment proof into the bucket `payment-proofs` and into the shop's queue to review. */
const uploadPaymentProof = defineRoute({
  method: 'POST',
  path: '/order-forms/:formId/orders/:orderId/payment-proof',
  summary: 'Sends a picture or PDF that shows the payment, as the part `file`, with the key in x-order-key.',
  access: 'public',
  limit: { calls: 10, seconds: 60, per: 'address' },
  bodyLimit: proofBytes + 64 * 1024,
  accepts: ['multipart'],
  params: orderParams,
  body: z.object({ file: z.file().min(1).max(proofBytes) }),
  responses: { 200: formOrder },
  handle: async ({ asService, request, files }, { params: { formId, orderId }, body: { file } }) => {
    const db = asService('a customer sends a payment proof')
    const key = keyOf(request)
    const path = await ask<string>(
      db,
      sql`select private.admit_payment_proof(${formId}, ${orderId}, ${key}) as answer`,
    )
    const bucket = files.as(db).bucket('payment-proofs')
    // The bucket decides by the content what the file is, and whether it takes it.
    const { contentType, size } = await bucket.upload(path, new Uint8Array(await file.arrayBuffer()), {
      contentType: file.type,
    })
    return ask<FormOrder>(
      db,
      sql`select private.add_payment_proof(${formId}, ${orderId}, ${key}, ${path}, ${contentType}, ${size}) as answer`,
    ).catch(async (error: unknown) => {
      await bucket.remove([path])
      throw error
    })
  },
})

export const orderFormRoutes = [orderForm, submitOrder, followOrder, uploadPaymentProof]
