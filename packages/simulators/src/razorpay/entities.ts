/** Entities as the API and the webhooks of Razorpay show them. Amounts are subunits (paise); instants are seconds. */

/** Empty notes are an empty list, as PHP writes an empty array. */
export type Notes = Record<string, string> | []

export interface Order {
  id: string
  entity: 'order'
  amount: number
  amount_paid: number
  amount_due: number
  currency: string
  receipt: string | null
  offer_id: null
  status: 'created' | 'attempted' | 'paid'
  attempts: number
  notes: Notes
  created_at: number
}

export interface Card {
  id: string
  entity: 'card'
  name: string
  last4: string
  network: 'Visa' | 'MasterCard' | 'RuPay' | 'American Express'
  type: 'credit' | 'debit' | 'prepaid'
  issuer: string | null
  international: boolean
  emi: boolean
  sub_type: 'consumer' | 'business'
  token_iin: null
}

/** Why a payment failed; null in a payment that did not. */
interface PaymentError {
  error_code: string | null
  error_description: string | null
  error_source: string | null
  error_step: string | null
  error_reason: string | null
}

export interface Payment extends PaymentError {
  id: string
  entity: 'payment'
  amount: number
  currency: string
  status: 'created' | 'authorized' | 'captured' | 'refunded' | 'failed'
  order_id: string | null
  invoice_id: string | null
  international: boolean
  method: 'card' | 'upi' | 'netbanking'
  amount_refunded: number
  refund_status: 'partial' | 'full' | null
  captured: boolean
  description: string | null
  card_id: string | null
  card?: Card
  bank: string | null
  wallet: string | null
  vpa: string | null
  email: string
  contact: string
  customer_id?: string
  notes: Notes
  fee: number | null
  tax: number | null
  acquirer_data: Record<string, string | null>
  created_at: number
}

export interface Refund {
  id: string
  entity: 'refund'
  amount: number
  currency: string
  payment_id: string
  notes: Notes
  receipt: string | null
  acquirer_data: { arn: string | null }
  created_at: number
  batch_id: null
  status: 'pending' | 'processed' | 'failed'
  speed_processed: 'normal' | 'instant'
  speed_requested: 'normal' | 'optimum'
}

export interface Customer {
  id: string
  entity: 'customer'
  name: string | null
  email: string | null
  contact: string | null
  gstin: string | null
  notes: Notes
  created_at: number
}

export interface Plan {
  id: string
  entity: 'plan'
  interval: number
  period: 'daily' | 'weekly' | 'monthly' | 'yearly'
  item: {
    id: string
    active: boolean
    name: string
    description: string | null
    amount: number
    unit_amount: number
    currency: string
    type: 'plan'
    unit: null
    tax_inclusive: boolean
    hsn_code: null
    sac_code: null
    tax_rate: null
    tax_id: null
    tax_group_id: null
    created_at: number
    updated_at: number
  }
  notes: Notes
  created_at: number
}

export interface Subscription {
  id: string
  entity: 'subscription'
  plan_id: string
  customer_id: string | null
  status:
    | 'created'
    | 'authenticated'
    | 'active'
    | 'pending'
    | 'halted'
    | 'cancelled'
    | 'completed'
    | 'expired'
    | 'paused'
  current_start: number | null
  current_end: number | null
  ended_at: number | null
  quantity: number
  notes: Notes
  charge_at: number | null
  start_at: number | null
  end_at: number | null
  auth_attempts: number
  total_count: number
  paid_count: number
  remaining_count: number
  customer_notify: boolean
  created_at: number
  expire_by: number | null
  short_url: string
  has_scheduled_changes: boolean
  change_scheduled_at: number | null
  source: 'api'
  payment_method: string | null
}

export interface Settlement {
  id: string
  entity: 'settlement'
  amount: number
  status: 'processed'
  fees: number
  tax: number
  utr: string
  created_at: number
}

/** One line of the report that says what a settlement is made of. */
export interface ReconItem {
  id: string
  entity_id: string
  type: 'payment' | 'refund' | 'adjustment'
  debit: number
  credit: number
  amount: number
  currency: string
  fee: number
  tax: number
  on_hold: boolean
  settled: boolean
  created_at: number
  settled_at: number
  settlement_id: string
  posted_at: null
  credit_type: 'default'
  description: string | null
  notes: string
  payment_id: string | null
  settlement_utr: string
  order_id: string | null
  order_receipt: string | null
  method: string | null
  card_network: string | null
  card_issuer: string | null
  card_type: string | null
  dispute_id: string | null
}

export interface Dispute {
  id: string
  entity: 'dispute'
  payment_id: string
  amount: number
  currency: string
  amount_deducted: number
  reason_code: string
  respond_by: number
  status: 'open' | 'under_review' | 'won' | 'lost' | 'closed'
  phase: 'chargeback'
  created_at: number
}

export interface PaymentLink {
  id: string
  accept_partial: false
  amount: number
  amount_paid: number
  callback_method: string
  callback_url: string
  cancelled_at: number
  created_at: number
  currency: string
  customer: { name?: string | undefined; email?: string | undefined; contact?: string | undefined }
  description: string
  expire_by: number
  expired_at: number
  notes: Notes
  order_id: string
  payments:
    | { payment_id: string; amount: number; method: string; status: string; created_at: number }[]
    | null
  reference_id: string
  short_url: string
  status: 'created' | 'paid' | 'cancelled' | 'expired'
  updated_at: number
}

export interface Webhook {
  id: string
  entity: 'webhook'
  url: string
  secret: string
  active: boolean
  /** `*` stands for all. */
  events: string[]
  created_at: number
}

/** What Razorpay tells of. The id goes along as a header. */
export interface RazorpayEvent {
  readonly id: string
  readonly type: string
  readonly body: {
    readonly entity: 'event'
    readonly account_id: string
    readonly event: string
    readonly contains: readonly string[]
    readonly payload: Readonly<Record<string, { readonly entity: object }>>
    readonly created_at: number
  }
}
