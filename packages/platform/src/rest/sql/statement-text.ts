import type { Bound } from '../plan/model.ts'

/** Where the value of one parameter comes from when a cached statement runs. */
export type Binding =
  | { readonly from: 'slot'; readonly slot: number }
  | { readonly from: 'constant'; readonly value: unknown }
  | { readonly from: 'limit' | 'offset' | 'body' | 'maxAffected' }

/** What a request gives to the statement of its shape. */
export interface RequestValues {
  readonly slots: readonly unknown[]
  readonly limit: number | undefined
  readonly offset: number
  readonly body: unknown
  readonly maxAffected: number | undefined
}

/** Numbers the parameters of one statement while its text is written. Values never enter the text. */
export class Parameters {
  readonly bindings: Binding[] = []
  readonly #numbers = new Map<string, number>()

  /** `$n` for a binding; the same binding is the same parameter everywhere. */
  bind(binding: Binding | Bound): string {
    const key = JSON.stringify(binding)
    const known = this.#numbers.get(key)
    if (known !== undefined) return `$${known}`
    const number = this.bindings.push(binding)
    this.#numbers.set(key, number)
    return `$${number}`
  }

  slot(slot: number): string {
    return this.bind({ from: 'slot', slot })
  }

  /** A value that belongs to the shape, such as a JSON key; `type` is a type's name written here in the code. */
  constant(value: string | number, type: 'text' | 'int' | 'regconfig'): string {
    return `${this.bind({ from: 'constant', value })}::${type}`
  }
}

/** The values of a statement's parameters in a request. */
export function valuesOf(bindings: readonly Binding[], request: RequestValues): unknown[] {
  return bindings.map((binding) => {
    switch (binding.from) {
      case 'slot':
        return request.slots[binding.slot]
      case 'constant':
        return binding.value
      default:
        return request[binding.from]
    }
  })
}
