import type { Readable } from 'node:stream'
import { storageErrors } from '../errors.ts'
import { readChunks } from './read-body.ts'

/** A multipart form up to its file. */
export interface FormFile {
  readonly fields: ReadonlyMap<string, string>
  readonly contentType: string
  /** Fails when the form ends before it is complete, so that half a file is never taken for a whole one. */
  readonly content: AsyncIterable<Buffer>
}

const limits = { fields: 20, fieldNameSize: 100, fieldSize: 65_536, files: 1, headerPairs: 100 }

/**
 * Reads the fields before the first file, whose bytes come as they are asked for; what follows the file is passed over. Fails
 * with `no_content` for a form without a file and with `invalid_storage_request` for what is no form.
 */
export async function readForm(stream: Readable, contentType: string): Promise<FormFile> {
  const { Busboy } = await import('@fastify/busboy')
  const fields = new Map<string, string>()
  const found = Promise.withResolvers<FormFile>()
  const ended = Promise.withResolvers<void>()
  ended.promise.catch(() => undefined)
  const parser = openParser()
  parser.on('field', (name, value) => fields.set(name, value))
  parser.on('file', (_name, file, _filename, _encoding, type) => {
    // A form that ends inside of its file is told by the file alone, which may not be read yet.
    file.once('error', (error) => fail(notAForm(error)))
    found.resolve({ fields, contentType: type, content: whole(file) })
  })
  parser.on('error', (error) => fail(notAForm(error)))
  parser.on('finish', () => {
    found.reject(storageErrors.no_content())
    ended.resolve()
  })
  void feed()
  return found.promise

  function fail(error: unknown): void {
    found.reject(error)
    ended.reject(error)
  }

  function openParser() {
    try {
      return new Busboy({ headers: { 'content-type': contentType }, limits })
    } catch (cause) {
      throw notAForm(cause)
    }
  }

  async function feed(): Promise<void> {
    try {
      for await (const chunk of readChunks(stream)) {
        await write(chunk)
      }
      parser.end()
    } catch (error) {
      fail(error)
      parser.destroy()
    }
  }

  function write(chunk: Buffer): Promise<void> {
    return new Promise((resolve, reject) =>
      parser.write(chunk, (error) => (error ? reject(error) : resolve())),
    )
  }

  async function* whole(file: Readable): AsyncIterable<Buffer> {
    try {
      for await (const chunk of file) yield chunk as Buffer
    } catch {
      // Why it ended is told below.
    }
    await ended.promise
  }
}

const notAForm = (cause: unknown) =>
  storageErrors.invalid_storage_request({ problem: 'The body is no complete multipart form.' }, cause)
