/**
 * What a form with brackets says: `a[b]=1` is `{ a: { b: '1' } }`. A list is an object with numbers as names, because
 * metadata may have such names too: the schema says which of both is meant.
 */
export interface Form {
  [name: string]: string | Form
}

/** Reads `application/x-www-form-urlencoded` as Stripe does. A later value of the same name replaces an earlier one. */
export function readForm(text: string): Form {
  const form = emptyForm()
  for (const [key, value] of new URLSearchParams(text)) {
    const [, first, brackets = ''] = /^([^[\]]+)((?:\[[^[\]]*\])*)$/.exec(key) ?? []
    if (first === undefined) continue
    place(form, [first, ...[...brackets.matchAll(/\[([^[\]]*)\]/g)].map(([, name]) => name!)], value)
  }
  return form
}

/** Without a prototype: names come from outside. */
const emptyForm = (): Form => Object.create(null)

function place(into: Form, [name, ...rest]: string[], value: string): void {
  const at = name === '' ? String(Object.keys(into).length) : name!
  if (rest.length === 0) {
    into[at] = value
    return
  }
  const present = into[at]
  const inner = typeof present === 'object' ? present : emptyForm()
  into[at] = inner
  place(inner, rest, value)
}
