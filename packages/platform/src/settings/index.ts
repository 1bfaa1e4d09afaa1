export { secret } from './describe-schema.ts'
export * from './errors.ts'
export {
  checkValue,
  findField,
  type ReadSetting,
  readSettings,
  type Settings,
  type SettingsGroup,
  type SettingsSources,
} from './read-settings.ts'
export { readSettingsFile, sealSetting, writeSettingsFile } from './settings-file.ts'
