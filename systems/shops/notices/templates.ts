import { defineTemplate } from '@plinth/platform/notifications'
import { z } from 'zod'

const order = z.object({
  shop: z.string(),
  order: z.string(),
  currency: z.string(),
  total: z.string(),
  status: z.string(),
  shipping: z.string(),
  carrier: z.string(),
  tracking: z.string(),
  tracking_url: z.string(),
})

const sample = {
  shop: 'Corner shop',
  order: 'ORD-1234',
  currency: 'EUR',
  total: '19.00',
  status: 'confirmed',
  shipping: 'shipped',
  carrier: 'Post',
  tracking: 'RR123456785DE',
  tracking_url: 'https://example.com/track/RR123456785DE',
}

/** What the SQL of `016_notices` sends. */
export const shopTemplates = [
  defineTemplate({
    name: 'low-stock',
    summary: 'To the team: items that fell below their threshold.',
    purpose: 'alert',
    variables: z.object({ shop: z.string(), count: z.number(), items: z.string() }),
    sample: { shop: 'Corner shop', count: 2, items: 'Mug (3), Teapot (0)' },
    texts: {
      en: {
        subject: 'Low stock at {{ shop }}',
        text: '{{ count }} item{% if count != 1 %}s{% endif %} ran low at {{ shop }}: {{ items }}.',
      },
    },
  }),
  defineTemplate({
    name: 'new-order',
    summary: 'To the team: an order came in by a form.',
    topic: 'orders',
    variables: order,
    sample,
    texts: {
      en: {
        subject: 'New order {{ order }}',
        text: '{{ order }} at {{ shop }}: {{ total }} {{ currency }}.',
      },
    },
  }),
  defineTemplate({
    name: 'order-received',
    summary: 'To the customer: the shop has the order.',
    topic: 'orders',
    variables: order,
    sample,
    texts: {
      en: {
        subject: 'Your order {{ order }} at {{ shop }}',
        text: 'Thank you. {{ shop }} received your order {{ order }} over {{ total }} {{ currency }}.',
      },
    },
  }),
  defineTemplate({
    name: 'order-changed',
    summary: 'To the customer: the order has another state.',
    topic: 'orders',
    variables: order,
    sample,
    texts: {
      en: {
        subject: 'Your order {{ order }} at {{ shop }} is {{ status }}',
        text: 'Your order {{ order }} is {{ status }}.{% if shipping != "" %} Shipment: {{ shipping }}.{% endif %}',
      },
    },
  }),
  defineTemplate({
    name: 'order-shipped',
    summary: 'To the customer: the order is on its way.',
    topic: 'orders',
    variables: order,
    sample,
    texts: {
      en: {
        subject: 'Your order {{ order }} is on its way',
        text: '{{ shop }} has sent your order {{ order }}{% if carrier != "" %} by {{ carrier }}{% endif %}.{% if tracking != "" %} Tracking number: {{ tracking }}.{% endif %}{% if tracking_url != "" %} {{ tracking_url }}{% endif %}',
      },
    },
  }),
]
