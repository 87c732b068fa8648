import { theme } from './fields.js';

/** Words in the middle of a panel that has nothing to draw. */
export function NoData({ panel, width, height }) {
  const style = {
    width,
    height,
    display: 'flex',
    alignItems: 'center',
    justifyContent: 'center',
    textAlign: 'center',
    overflow: 'hidden',
    color: theme.colors.text.secondary,
    fontSize: theme.typography.size.lg,
  };
  return <div style={style}>{panel.fieldConfig?.defaults?.noValue ?? 'No data'}</div>;
}
