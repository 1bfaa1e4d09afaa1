import { notificationErrors } from '../errors.ts'
import { contentOf } from '../model/message.ts'
import type { AnyTemplate } from '../templates/define-template.ts'
import { type Rendered, render, unknownTemplate } from '../templates/render.ts'

/** A template with its sample variables, as people get it. */
export interface Preview extends Rendered {
  readonly template: string
  readonly locales: readonly string[]
}

export interface PreviewOptions {
  readonly locale?: string | undefined
  readonly sender: string
}

/** Renders a template with its sample. Fails with `unknown_template` or `template_invalid`. */
export async function previewTemplate(
  templates: readonly AnyTemplate[],
  name: string,
  { locale, sender }: PreviewOptions,
): Promise<Preview> {
  const template = templates.find((each) => each.name === name)
  if (!template) throw unknownTemplate(name, templates)
  const variables = template.variables.safeParse(template.sample)
  if (!variables.success)
    throw notificationErrors.template_invalid({
      name,
      problem: `its sample: ${variables.error.issues[0]?.message}`,
    })
  const unsubscribe = template.purpose === 'marketing' ? 'https://example.com/unsubscribe' : null
  const rendered = await render(contentOf({ template: name, variables: template.sample, locale }), {
    templates,
    locale: null,
    sender,
    unsubscribe,
  })
  return { ...rendered, template: name, locales: Object.keys(template.texts) }
}
