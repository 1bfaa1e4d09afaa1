import type { z } from 'zod'
import type { Purpose } from '../model/message.ts'

/** What a message says in one language; each text is a Liquid template over the variables. */
export interface TemplateTexts {
  /** Subject of the mail, and title of push and in-app messages. */
  readonly subject: string
  /** The message as text: SMS, push, in-app, and the text part of the mail. */
  readonly text: string
  /** Body of the mail as HTML; variables in it are escaped. Default: the text, as paragraphs. */
  readonly html?: string
  /** A shorter text for SMS. Default: `text`. */
  readonly sms?: string
  /** Label of a button that leads to the address in `url`. */
  readonly action?: string
}

/** A message that a system sends more than once. */
export interface NotificationTemplate<Variables extends z.ZodObject = z.ZodObject> {
  /** kebab-case, unique in its system. */
  readonly name: string
  readonly summary: string
  /** Default `transactional`. */
  readonly purpose?: Purpose
  /** What people may switch off: `bookings`. Default: the name of the template. */
  readonly topic?: string
  readonly variables: Variables
  /** For the preview. */
  readonly sample: z.input<Variables>
  /** Where the button leads, over the variables: `https://example.com/bookings/{{ id }}`. */
  readonly url?: string
  /** By locale: `en`, `pt-BR`. The first one is what everybody gets whose language is missing. */
  readonly texts: Readonly<Record<string, TemplateTexts>>
}

/** Declares a template; the type of its variables follows from their schema. */
export const defineTemplate = <Variables extends z.ZodObject>(
  template: NotificationTemplate<Variables>,
): NotificationTemplate<Variables> => template

/** Any template, whatever its variables. */
// biome-ignore lint/suspicious/noExplicitAny: samples are contravariant in the schema; each template knows its own
export type AnyTemplate = NotificationTemplate<any>
