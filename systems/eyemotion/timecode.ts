/** A frame as SMPTE timecode without drop frames, `HH:MM:SS:FF`; null while nobody knows how many frames a second has. */
export function timecodeOf(frame: number, fps: number | null): string | null {
  if (fps === null) return null
  const perSecond = Math.round(fps)
  const seconds = Math.floor(frame / perSecond)
  const parts = [Math.floor(seconds / 3_600), Math.floor(seconds / 60) % 60, seconds % 60, frame % perSecond]
  return parts.map((part) => String(part).padStart(2, '0')).join(':')
}
