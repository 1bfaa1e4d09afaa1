/** A page of the shop; titles are the operator's own. */
export const showPage = (title: string, body: string): Response =>
  new Response(`<!doctype html><meta charset="utf-8"><title>${title}</title><h1>${title}</h1>${body}`, {
    headers: { 'content-type': 'text/html; charset=utf-8' },
  })
