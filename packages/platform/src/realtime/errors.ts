import { type AppError, defineErrors } from '../kernel/index.ts'

export const realtimeErrors = defineErrors({
  changes_off: {
    status: 503,
    message: 'This server gives out no changes of tables.',
    hint: 'Its operator turns them on: PostgreSQL needs wal_level = logical. Broadcast and presence work without.',
  },
  unsupported_protocol: {
    status: 400,
    message: 'Protocol version {version} is not spoken here.',
    hint: 'Connect with vsn=1.0.0 or vsn=2.0.0, as Supabase clients do.',
  },
  malformed_handshake: {
    status: 400,
    message: 'This is no WebSocket handshake: {problem}.',
    hint: 'Send what RFC 6455, version 13, describes; WebSocket clients do.',
  },
  too_many_connections: {
    status: 429,
    message: 'The {holder} has {limit} realtime connections, which is its limit.',
    hint: 'Close connections that are not used; one connection carries many channels.',
  },
  malformed_frame: {
    status: 400,
    message: 'The frame is not a Phoenix message: {problem}.',
    hint: 'Send what the serializer of the chosen vsn describes.',
  },
  unmatched_topic: {
    status: 404,
    message: 'There is no channel {topic} on this connection.',
    hint: 'Topics begin with `realtime:`, and a channel is joined before anything is sent to it.',
  },
  unknown_event: {
    status: 400,
    message: 'Channels do not know the event {event}.',
    hint: 'Channels take broadcast, presence, access_token, phx_join and phx_leave.',
  },
  malformed_join: {
    status: 400,
    message: 'The join payload has mistakes: {problem}',
    hint: 'Compare it with the config of `supabase.channel(name, { config })`.',
  },
  malformed_payload: {
    status: 400,
    message: 'The payload has mistakes: {problem}',
    hint: 'A broadcast is {type, event, payload}, presence is {type, event: track | untrack, payload}.',
  },
  too_many_channels: {
    status: 429,
    message: 'The {holder} has {limit} channels, which is its limit.',
    hint: 'Leave channels that are not used, or put several listeners on one channel.',
  },
  too_many_joins: {
    status: 429,
    message: 'Too many joins in one second.',
    hint: 'Wait a second and join again.',
  },
  too_many_events: {
    status: 429,
    message: 'Too many events in one second.',
    hint: 'Send less often, or put several changes into one event.',
  },
  payload_too_large: {
    status: 413,
    message: 'The payload is larger than {limit} bytes.',
    hint: 'Store the data and send its id.',
  },
  too_much_presence: {
    status: 429,
    message: 'The presence of the {holder} would have more than {limit} bytes.',
    hint: 'Announce less on each channel: an id and what changes often; the rest belongs into a table.',
  },
  channel_unauthorized: {
    status: 403,
    message: 'The policies of realtime.messages do not let you {verb} {extension} on this channel.',
    hint: 'Add a policy on realtime.messages that compares realtime.topic().',
  },
  realtime_token_refused: {
    status: 401,
    message: 'The access token is not valid for this project: {problem}',
    hint: 'Sign in again and send the new token.',
  },
  public_channels_closed: {
    status: 403,
    message: 'This project has private channels only.',
    hint: 'Join with `config: { private: true }`.',
  },
  table_not_published: {
    status: 404,
    message: 'Changes of {table} are not published, or there is no such table.',
    hint: 'Add it to the publication supabase_realtime, or to realtimeTables of the system.',
  },
  table_not_readable: {
    status: 403,
    message: 'Role {role} may not read {table}.',
    hint: 'Grant select on the table to the role.',
  },
  malformed_filter: {
    status: 400,
    message: 'The filter {filter} cannot be used: {problem}.',
    hint: 'A filter is column=operator.value, as in status=eq.open or id=in.(1,2).',
  },
  unwatchable_table: {
    status: 400,
    message: '{table} cannot be watched: {problem}.',
    hint: 'Give it a primary key and full replica identity; tables in realtimeTables of the system have both.',
  },
  watch_too_large: {
    status: 413,
    message: 'More than {limit} rows of {table} would be watched.',
    hint: 'Narrow the watch with a filter.',
  },
  policy_raised: {
    status: 403,
    message: 'The subscription to {table} has ended: its policy raised for you (SQLSTATE {state}).',
    hint: 'Correct the policy, then subscribe again.',
  },
  filter_raised: {
    status: 400,
    message:
      'The subscription to {table} has ended: its filter cannot be applied to a row (SQLSTATE {state}).',
    hint: 'Use a filter that holds for every value of the column.',
  },
  filter_too_slow: {
    status: 429,
    message: 'The subscription to {table} has ended: its filter takes too long.',
    hint: 'Use a simpler pattern, or a column that says the same with eq.',
  },
  stream_not_ready: {
    status: 503,
    message: 'The stream of changes is not ready on this node.',
    hint: 'Clients try again by themselves.',
  },
  feature_not_supported: {
    status: 400,
    message: '{feature} is not supported.',
    hint: 'See docs/realtime.md for what is.',
  },
})

/** What a Phoenix error reply says: `reason` is what supabase-js shows to its user. */
export const reasonOf = (error: AppError) => ({ reason: `${error.code}: ${error.message}` })
