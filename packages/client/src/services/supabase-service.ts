import type { SupabaseClient } from '@supabase/supabase-js'
import type { WatchEvent } from '../watch/watch.ts'
import type { Logger } from './logger-service.ts'
import type { Repository, Watching } from './repository.ts'
import {
  checkUpload,
  RateLimitError,
  type RateLimits,
  type UploadFile,
  type UploadRules,
  uploadPath,
} from './security-service.ts'
import { ValidationError } from './validation-service.ts'

/** Rows of a kind, newest state first seen whole. */
export type RowStream<T> = (listener?: (event: WatchEvent<T>) => void) => Watching<T>

/** A system's tables by the names that the requirement gives the calls. */
export interface SupabaseService<User, Service, Booking, Project> {
  readonly getUsers: RowStream<User>
  getUserById(id: string): Promise<User | null>
  addUser(user: Partial<User>): Promise<string>
  updateUser(id: string, data: Partial<User>): Promise<void>
  readonly getServices: RowStream<Service>
  addService(service: Partial<Service>): Promise<string>
  updateService(id: string, data: Partial<Service>): Promise<void>
  readonly getBookings: RowStream<Booking>
  addBooking(booking: Partial<Booking>): Promise<string>
  updateBookingStatus(id: string, status: string): Promise<void>
  readonly getProjects: RowStream<Project>
  addProject(project: Partial<Project>): Promise<string>
  /** 0 to 100. */
  updateProjectProgress(id: string, progress: number): Promise<void>
  /** Give the path of the file in the bucket. Fail with a `ValidationError` for a file that is not taken. */
  uploadImage(file: UploadFile & Blob, folder: string): Promise<string>
  uploadVideo(file: UploadFile & Blob, folder: string): Promise<string>
  /** Whether the server answers, and how long it took, milliseconds. */
  checkHealth(): Promise<{ readonly isHealthy: boolean; readonly milliseconds: number }>
}

export interface SupabaseServiceOptions<User, Service, Booking, Project> {
  readonly client: SupabaseClient
  readonly users: Repository<User>
  readonly services: Repository<Service>
  readonly bookings: Repository<Booking>
  readonly projects: Repository<Project>
  /** Where files go. Default `public`. */
  readonly bucket?: string
  readonly images?: UploadRules
  readonly videos?: UploadRules
  readonly limits?: RateLimits
  /** Table that `checkHealth` asks. Default `services`. */
  readonly probe?: string
  readonly logger?: Logger
}

export function createSupabaseService<User, Service, Booking, Project>(
  options: SupabaseServiceOptions<User, Service, Booking, Project>,
): SupabaseService<User, Service, Booking, Project> {
  const {
    client,
    users,
    services,
    bookings,
    projects,
    bucket = 'public',
    probe = 'services',
    limits,
    logger,
  } = options
  const imageRules: UploadRules = { types: ['image/*'], ...options.images }
  const videoRules: UploadRules = { types: ['video/*'], ...options.videos }

  async function upload(file: UploadFile & Blob, folder: string, rules: UploadRules): Promise<string> {
    const problem = await checkUpload(file, rules)
    if (problem) throw new ValidationError({ file: problem })
    const wait = limits?.take('upload') ?? 0
    if (wait > 0) throw new RateLimitError(wait)
    const path = uploadPath(folder, file)
    const { error } = await client.storage.from(bucket).upload(path, file, { contentType: file.type })
    if (error) throw error
    logger?.info('uploaded', { path, bytes: file.size })
    return path
  }

  return {
    getUsers: users.watch,
    getUserById: users.getById,
    addUser: users.create,
    updateUser: users.update,
    getServices: services.watch,
    addService: services.create,
    updateService: services.update,
    getBookings: bookings.watch,
    addBooking: bookings.create,
    updateBookingStatus: (id, status) => bookings.update(id, { status } as unknown as Partial<Booking>),
    getProjects: projects.watch,
    addProject: projects.create,
    updateProjectProgress: async (id, progress) => {
      if (!(progress >= 0 && progress <= 100))
        throw new ValidationError({ progress: 'This is a number from 0 to 100.' })
      await projects.update(id, { progress } as unknown as Partial<Project>)
    },
    uploadImage: (file, folder) => upload(file, folder, imageRules),
    uploadVideo: (file, folder) => upload(file, folder, videoRules),
    checkHealth: async () => {
      const start = performance.now()
      const { status } = await client.from(probe).select('*', { head: true }).limit(1)
      // A refusal is an answer, too.
      return { isHealthy: status > 0 && status < 500, milliseconds: performance.now() - start }
    },
  }
}
