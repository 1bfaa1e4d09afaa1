export { csrfToken, login, logout, refresh, register } from './auth.ts'
export {
  bookAsGuest,
  changeByLink,
  showBookingPage,
  showByLink,
  showOffer,
  showOfferedSlots,
} from './booking-page.ts'
export {
  cancelBooking,
  cancelSeries,
  createBooking,
  listBookings,
  showBooking,
  updateBooking,
} from './bookings.ts'
export { bookingFile, makeFeed, readFeed, revokeFeed } from './calendars.ts'
export { listMessages, listRooms, markRead, openRoom, searchMessages, sendMessage } from './chat.ts'
export { showEngagement, showFeatures, showStatistics, storeActivity } from './dashboard.ts'
export { enterDeposit, payDeposit } from './deposits.ts'
export {
  addProjectMedia,
  addProjectUpdate,
  createProject,
  listProjectMedia,
  listProjects,
  showProject,
  updateProgress,
  updateProject,
} from './projects.ts'
export { createService, deleteService, listServices, showService, updateService } from './services.ts'
export { listSlots } from './slots.ts'
export { deleteUser, listUsers, showUser, updateUser } from './users.ts'
