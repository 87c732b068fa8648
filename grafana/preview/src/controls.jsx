// What stands above a dashboard's panels: the path, the variables, the links, the time.
import { rangeUtil } from '@grafana/data';
import { Icon } from '@grafana/ui';
import { theme } from './fields.js';

const { colors, components, typography } = theme;
const between = `1px solid ${colors.border.weak}`;
const control = { display: 'flex', alignItems: 'center', gap: 8, height: 32, padding: '0 8px' };
const STYLES = {
  path: { height: 40, padding: '0 16px', display: 'flex', alignItems: 'center', background: colors.background.primary, borderBottom: between },
  controls: { display: 'flex', flexWrap: 'wrap', gap: 8, padding: '16px 16px 8px' },
  variable: { display: 'flex' },
  label: { ...control, background: colors.background.secondary, border: between, fontSize: typography.size.sm, fontWeight: 500 },
  value: { ...control, background: components.input.background, border: `1px solid ${components.input.borderColor}` },
  button: { ...control, background: colors.secondary.main },
};

export function Path({ title }) {
  return <div style={STYLES.path}>Dashboards › Anthropic › {title}</div>;
}

export function Controls({ dashboard, scope }) {
  return (
    <div style={STYLES.controls}>
      {Object.values(scope).map(({ variable, texts }) => (
        <div key={variable.name} style={STYLES.variable}>
          <div style={STYLES.label}>{variable.label ?? variable.name}</div>
          <Choice style={STYLES.value}>{texts.join(' + ')}</Choice>
        </div>
      ))}
      <div style={{ flexGrow: 1 }} />
      {(dashboard.links ?? []).map(({ title }) => (
        <Choice key={title} style={STYLES.button} icon="bars">
          {title}
        </Choice>
      ))}
      {dashboard.timepicker?.hidden || (
        <>
          <Choice style={STYLES.button} icon="clock-nine">
            {rangeUtil.describeTimeRange(dashboard.time)} UTC
          </Choice>
          <Choice style={STYLES.button} icon="sync">
            {dashboard.refresh}
          </Choice>
        </>
      )}
    </div>
  );
}

function Choice({ style, icon, children }) {
  return (
    <div style={style}>
      {icon && <Icon name={icon} />}
      {children}
      <Icon name="angle-down" />
    </div>
  );
}
