import { z } from 'zod'

/** An instant as PostgreSQL writes it in JSON: ISO 8601 with an offset. */
const instant = z.string()
const json = z.unknown()

export const user = z.object({
  id: z.uuid(),
  simpleId: z.string(),
  name: z.string(),
  email: z.string().nullable(),
  phone: z.string().nullable(),
  profileImage: z.string().nullable(),
  address: z.string().nullable(),
  role: z.enum(['guest', 'customer', 'staff', 'admin']),
  isActive: z.boolean(),
  favoriteServices: z.array(json),
  createdAt: instant,
  updatedAt: instant,
})

const question = z.object({
  id: z.string().min(1).max(100),
  label: z.string().min(1).max(500),
  type: z.enum(['text', 'number', 'boolean', 'choice']).default('text'),
  required: z.boolean().default(false),
  options: z
    .array(z.union([z.string(), z.number()]))
    .max(100)
    .optional(),
})

export const service = z.object({
  id: z.uuid(),
  title: z.string(),
  description: z.string(),
  category: z.string(),
  price: z.number(),
  duration: z.int(),
  imageUrl: z.string().nullable(),
  videoUrl: z.string().nullable(),
  isActive: z.boolean(),
  createdAt: instant,
  updatedAt: instant,
  currency: z.string(),
  media: z.array(json),
  scheduleId: z.uuid().nullable(),
  capacity: z.int(),
  bufferBefore: z.int(),
  bufferAfter: z.int(),
  slotStep: z.int(),
  minimumNotice: z.int(),
  horizon: z.int(),
  cancellationWindow: z.int(),
  autoConfirm: z.boolean(),
  createsProject: z.boolean(),
  depositPercent: z.number(),
  depositMinutes: z.int(),
  questions: z.array(json),
})

/** What is written of a service; ranges are those of the table. */
export const serviceInput = z.object({
  id: z.uuid().optional(),
  title: z.string().min(1).max(255),
  description: z.string().max(20_000).optional(),
  category: z.string().max(100).optional(),
  price: z.number().min(0).max(99_999_999.99).multipleOf(0.01).optional(),
  duration: z.int().min(1).max(1440).optional(),
  imageUrl: z.string().max(2_000).nullable().optional(),
  videoUrl: z.string().max(2_000).nullable().optional(),
  isActive: z.boolean().optional(),
  currency: z
    .string()
    .regex(/^[A-Z]{3}$/)
    .optional(),
  media: z.array(z.unknown()).max(50).optional(),
  scheduleId: z.uuid().nullable().optional(),
  capacity: z.int().min(1).max(200).optional(),
  bufferBefore: z.int().min(0).max(1440).optional(),
  bufferAfter: z.int().min(0).max(1440).optional(),
  slotStep: z.int().min(5).max(1440).optional(),
  minimumNotice: z.int().min(0).max(525_600).optional(),
  horizon: z.int().min(1).max(1095).optional(),
  cancellationWindow: z.int().min(0).max(525_600).optional(),
  autoConfirm: z.boolean().optional(),
  createsProject: z.boolean().optional(),
  depositPercent: z.number().min(0).max(100).optional(),
  depositMinutes: z.int().min(5).max(10_080).optional(),
  questions: z.array(question).max(50).optional(),
})

export const bookingStatus = z.enum([
  'pending',
  'confirmed',
  'inProgress',
  'completed',
  'cancelled',
  'noShow',
])

export const booking = z.object({
  id: z.uuid(),
  serviceName: z.string(),
  clientName: z.string(),
  clientEmail: z.string().nullable(),
  clientPhone: z.string().nullable(),
  date: instant,
  status: bookingStatus,
  price: z.number().nullable(),
  location: z.string().nullable(),
  notes: z.string().nullable(),
  createdAt: instant,
  updatedAt: instant,
  serviceId: z.uuid().nullable(),
  customerId: z.uuid().nullable(),
  resourceId: z.uuid().nullable(),
  endsAt: instant,
  timezone: z.string(),
  currency: z.string(),
  terms: json,
  seriesId: z.uuid().nullable(),
  answers: json,
  depositAmount: z.number(),
  depositStatus: z.enum(['none', 'due', 'paid', 'returning', 'returned', 'kept']),
  holdUntil: instant.nullable(),
  sequence: z.int(),
  cancelledAt: instant.nullable(),
  cancelReason: z.string().nullable(),
})

/**
 * An instant with an offset, or a wall-clock time without one, which is read in the zone of the provider. Anything that
 * cannot be a time of this century is refused here.
 */
export const time = z
  .string()
  .regex(/^20\d{2}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?(Z|[+-]\d{2}:\d{2})?$/, 'is no time')

export const project = z.object({
  id: z.uuid(),
  title: z.string(),
  description: z.string(),
  clientName: z.string(),
  clientEmail: z.string().nullable(),
  clientPhone: z.string().nullable(),
  status: z.enum(['planning', 'pending', 'active', 'inProgress', 'onHold', 'completed', 'cancelled']),
  progress: z.number(),
  location: z.string().nullable(),
  mediaUrls: z.array(json),
  updates: z.array(json),
  createdAt: instant,
  updatedAt: instant,
  customerId: z.uuid().nullable(),
  staffId: z.uuid().nullable(),
  bookingId: z.uuid().nullable(),
})

export const message = z.object({
  id: z.uuid(),
  chatRoomId: z.uuid(),
  senderId: z.uuid().nullable(),
  senderName: z.string(),
  senderType: z.enum(['customer', 'admin']),
  message: z.string(),
  timestamp: instant,
  read: z.boolean(),
  seq: z.int(),
  clientId: z.uuid().nullable(),
  attachments: z.array(json),
})

export const room = z.object({
  id: z.uuid(),
  customerId: z.uuid(),
  customerName: z.string(),
  customerEmail: z.string().nullable(),
  lastMessageAt: instant.nullable(),
  createdAt: instant,
  staffId: z.uuid().nullable(),
  lastSeq: z.int(),
  lastMessage: z.string().nullable(),
})

/** Columns of people: what is sent comes back as it was, so only what the table cannot keep is refused. */
export const contact = {
  name: z.string().max(255),
  email: z.email().max(255),
  phone: z.string().max(50),
}

/** Of a person: what they, or an admin, change. */
export const userChange = z.object({
  name: contact.name.optional(),
  phone: contact.phone.nullable().optional(),
  profileImage: z.string().max(2_000).nullable().optional(),
  address: z.string().max(2_000).nullable().optional(),
  role: z.enum(['guest', 'customer', 'staff', 'admin']).optional(),
  isActive: z.boolean().optional(),
  favoriteServices: z.array(z.unknown()).max(500).optional(),
})
