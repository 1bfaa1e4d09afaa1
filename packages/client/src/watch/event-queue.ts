/** Events on their way to `for await`: kept until they are asked for. */
export interface EventQueue<Event> extends AsyncIterable<Event> {
  push(event: Event): void
  /** Ends the iteration after what is waiting, with an error if there is one. */
  end(error?: Error): void
  readonly waiting: number
  /** Forgets what is waiting and puts this in its place. */
  collapse(event: Event): void
}

export function createEventQueue<Event>(): EventQueue<Event> {
  let events: Event[] = []
  let ended: { readonly error: Error | undefined } | null = null
  let wake: (() => void) | null = null

  function wakeUp(): void {
    wake?.()
    wake = null
  }

  async function* iterate(): AsyncGenerator<Event> {
    for (;;) {
      const event = events.shift()
      if (event !== undefined) yield event
      else if (ended) {
        if (ended.error) throw ended.error
        return
      } else
        await new Promise<void>((resolve) => {
          wake = resolve
        })
    }
  }

  return {
    get waiting() {
      return events.length
    },
    push: (event) => {
      if (ended) return
      events.push(event)
      wakeUp()
    },
    collapse: (event) => {
      events = [event]
      wakeUp()
    },
    end: (error) => {
      ended ??= { error }
      wakeUp()
    },
    [Symbol.asyncIterator]: iterate,
  }
}
