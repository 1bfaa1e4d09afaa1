import { Hono } from 'hono'
import { httpErrors, logFailure, type Surface, type SurfaceEnv } from '../http/index.ts'
import {
  dropBucket,
  emptyBucket,
  getBucket,
  getBuckets,
  postBucket,
  putBucket,
  refuse,
} from './endpoints/buckets.ts'
import {
  getAuthenticatedObject,
  getAuthenticatedObjectInfo,
  getObject,
  getObjectInfo,
  getPublicObject,
  getPublicObjectInfo,
  getSignedObject,
} from './endpoints/download.ts'
import {
  deleteObject,
  deleteObjects,
  postCopy,
  postList,
  postListV2,
  postMove,
} from './endpoints/manage-objects.ts'
import { purgeCache } from './endpoints/purge-cache.ts'
import { getAuthenticatedImage, getPublicImage, getSignedImage } from './endpoints/render-image.ts'
import { postSign, postSignMany, postSignUpload } from './endpoints/sign.ts'
import { putObject, putSignedObject } from './endpoints/upload.ts'
import { renderStorageError } from './render-error.ts'
import { answerUploads, signedUploads } from './resumable/resumable-surface.ts'
import type { StorageContext } from './storage-context.ts'

/** No request but an upload has a longer body. Bytes. */
const longestJson = 1_048_576

/** Paths below these are opened by what the address itself carries, or by a bucket that is public. */
const keyless = [
  '/object/public/',
  '/object/sign/',
  '/object/info/public/',
  '/render/image/public/',
  '/render/image/sign/',
]

/** Supabase's storage API over the objects of one project. */
export function createStorageSurface(storage: StorageContext): Surface {
  return {
    path: '/storage/v1',
    app: createApp(storage),
    needsKey: (path, method) => !isKeyless(path, method),
    renderError: (error, requestId) => renderStorageError(error, requestId),
    bodyLimit: (path, method) => (isUpload(path, method) ? Infinity : longestJson),
    takesLongBodies: isUpload,
    answersOptions: true,
  }
}

/** Uploads are bounded by their bucket, and may take as long as bytes keep coming. */
function isUpload(path: string, method: string): boolean {
  if (path.startsWith('/upload/resumable')) return true
  if (method !== 'POST' && method !== 'PUT') return false
  const [, area, first = '', second] = path.split('/')
  if (area !== 'object') return false
  if (first === 'upload') return method === 'PUT'
  return (
    !['list', 'list-v2', 'sign', 'move', 'copy'].includes(first) || (method === 'PUT' && second !== undefined)
  )
}

function isKeyless(path: string, method: string): boolean {
  const isRead = method === 'GET' || method === 'HEAD'
  if (isRead && keyless.some((prefix) => path.startsWith(prefix))) return true
  return path.startsWith(signedUploads) || (method === 'PUT' && path.startsWith('/object/upload/sign/'))
}

function createApp(storage: StorageContext): Hono<SurfaceEnv> {
  const app = new Hono<SurfaceEnv>()
  app.onError((error, c) => {
    const response = renderStorageError(error, c.var.requestId)
    logFailure(c.var.log, error, response.status)
    return response
  })

  app.get('/bucket', getBuckets(storage))
  app.post('/bucket', postBucket(storage))
  app.get('/bucket/:id', getBucket(storage))
  app.put('/bucket/:id', putBucket(storage))
  app.delete('/bucket/:id', dropBucket(storage))
  app.post('/bucket/:id/empty', emptyBucket(storage))
  app.all('/bucket/:id/lifecycle', refuse('Lifecycle rules of buckets'))

  app.post('/object/list/:bucket', postList(storage))
  app.post('/object/list-v2/:bucket', postListV2(storage))
  app.post('/object/move', postMove(storage))
  app.post('/object/copy', postCopy(storage))
  app.post('/object/sign/:bucket', postSignMany(storage))
  app.post('/object/sign/*', postSign(storage))
  app.get('/object/sign/*', getSignedObject(storage))
  app.post('/object/upload/sign/*', postSignUpload(storage))
  app.put('/object/upload/sign/*', putSignedObject(storage))
  app.get('/object/info/public/*', getPublicObjectInfo(storage))
  app.get('/object/info/authenticated/*', getAuthenticatedObjectInfo(storage))
  app.get('/object/info/*', getObjectInfo(storage))
  app.get('/object/public/*', getPublicObject(storage))
  app.get('/object/authenticated/*', getAuthenticatedObject(storage))
  app.delete('/object/:bucket', deleteObjects(storage))
  app.get('/object/*', getObject(storage))
  app.post('/object/*', putObject(storage))
  app.put('/object/*', putObject(storage))
  app.delete('/object/*', deleteObject(storage))

  app.get('/render/image/public/*', getPublicImage(storage))
  app.get('/render/image/authenticated/*', getAuthenticatedImage(storage))
  app.get('/render/image/sign/*', getSignedImage(storage))

  app.all('/upload/resumable', answerUploads(storage))
  app.all('/upload/resumable/*', answerUploads(storage))
  app.delete('/cdn/*', purgeCache(storage))
  app.all('/vector/*', refuse('Vector buckets'))
  app.all('/iceberg/*', refuse('Analytics buckets'))
  app.all('*', (c) => {
    throw httpErrors.not_found({ path: c.req.path })
  })
  return app
}
