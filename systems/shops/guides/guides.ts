import { renderApiReference } from './api-reference.ts'
import { renderSetupGuide } from './setup-guide.ts'

/** Pages of this system that are written from its declaration, by their path from the repository's root. */
export const guides = async (): Promise<Readonly<Record<string, string>>> => ({
  'systems/shops/BACKEND_SETUP_GUIDE.md': await renderSetupGuide(),
  'systems/shops/BACKEND_API_REFERENCE.md': await renderApiReference(),
})
