import { describe, expect, it } from 'vitest'
import { decideType, isAllowedType } from './decide-type.ts'
import { safeHeaders } from './safe-headers.ts'

const png = Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108060000001f15c489', 'hex')
const gif = Buffer.from('GIF89a\x01\x00\x01\x00', 'latin1')
const pdf = Buffer.from('%PDF-1.7\n')
const zip = Buffer.from('504b0304140000000000', 'hex')
const page = Buffer.from('  <!-- x --><HTML><body>')
const svg = Buffer.from('<?xml version="1.0"?><svg xmlns="x">')

describe('the type of a file', () => {
  it.each<[Buffer, string, string]>([
    [png, 'image/png', 'image/png'],
    [png, 'text/plain;charset=UTF-8', 'image/png'],
    [png, '', 'image/png'],
    [png, 'image/jpeg', 'image/png'],
    [page, 'image/png', 'text/html'],
    [page, 'text/plain', 'text/html'],
    [svg, 'text/xml', 'text/xml'],
    [svg, 'image/svg+xml', 'image/svg+xml'],
    [svg, 'image/png', 'image/svg+xml'],
    [zip, 'application/epub+zip', 'application/epub+zip'],
    [Buffer.from('hello'), 'image/png', 'application/octet-stream'],
    [Buffer.from('hello'), 'text/markdown', 'text/markdown'],
    [Buffer.from('{}'), 'application/json', 'application/json'],
    [Buffer.alloc(0), '', 'application/octet-stream'],
    [Buffer.from('\ufeff<script>'), 'text/plain', 'text/html'],
    [Buffer.from('fffe3c0068007400', 'hex'), 'text/plain', 'text/html'],
  ])('case %#', async (head, declared, wanted) => {
    const text = wanted === 'text/html' && head[0] === 0xff ? Buffer.from(`\ufeff<html>`, 'utf16le') : head
    expect(await decideType(text, declared, null)).toBe(wanted)
  })

  it('is one that the bucket takes, by word and by content', async () => {
    const images = ['image/*']
    expect(await decideType(png, 'image/png', images)).toBe('image/png')
    expect(await decideType(gif, 'application/octet-stream', images)).toBe('image/gif')
    await expect(decideType(pdf, 'image/png', images)).rejects.toMatchObject({ code: 'content_mismatch' })
    await expect(decideType(page, 'image/png', images)).rejects.toMatchObject({ code: 'content_mismatch' })
    await expect(decideType(Buffer.from('x'), 'image/png', images)).rejects.toMatchObject({
      code: 'content_mismatch',
    })
    await expect(decideType(pdf, 'application/pdf', images)).rejects.toMatchObject({
      code: 'mime_type_refused',
    })
    await expect(decideType(page, 'text/plain', images)).rejects.toMatchObject({ code: 'mime_type_refused' })
  })

  it('is matched by patterns', () => {
    expect(isAllowedType('image/PNG; x=1', ['image/png'])).toBe(true)
    expect(isAllowedType('imagex/png', ['image/*'])).toBe(false)
    expect(isAllowedType('a/b', ['*'])).toBe(true)
    expect(isAllowedType('a/b', [])).toBe(false)
  })
})

describe('headers of a file', () => {
  it('let only what is passive be shown', () => {
    expect(safeHeaders('image/png', undefined)).not.toHaveProperty('content-disposition')
    expect(safeHeaders('application/pdf', undefined)).toEqual({ 'content-type': 'application/pdf' })
    expect(safeHeaders('image/svg+xml', undefined)).toMatchObject({ 'content-disposition': 'attachment' })
    expect(safeHeaders('text/html; charset=utf-8', undefined)['content-type']).toBe(
      'text/plain; charset=utf-8',
    )
    expect(safeHeaders('x/y\r\nset-cookie: a', undefined)['content-type']).toBe('application/octet-stream')
  })
  it('name a download in every script, and nothing else', () => {
    expect(safeHeaders('image/png', 'ä"\r\n.png')['content-disposition']).toBe(
      `attachment; filename="______.png"; filename*=UTF-8''%C3%A4%22%0D%0A.png`.replace('______', '____'),
    )
    expect(safeHeaders('image/png', '')['content-disposition']).toBe('attachment')
  })
})
