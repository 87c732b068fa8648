// A panel's way from frames to fields with names, units, colours: the registries that Grafana's core fills, and their use.
import {
  applyFieldOverrides,
  cacheFieldDisplayNames,
  createTheme,
  FieldConfigOptionsRegistry,
  FieldType,
  standardTransformers,
  standardTransformersRegistry,
  transformDataFrame,
} from '@grafana/data';
import { firstValueFrom } from 'rxjs';

export const theme = createTheme({ colors: { mode: new URLSearchParams(location.search).get('theme') } });

standardTransformersRegistry.setInit(() =>
  Object.values(standardTransformers)
    .filter((one, place, all) => all.findIndex(({ id }) => id === one.id) === place)
    .map((transformation) => ({ id: transformation.id, name: transformation.name, transformation, editor: () => null })),
);

const asIs = (value) => value;
const number = (value) => (value === null || value === undefined || value === '' ? undefined : Number(value));
const thresholds = (value) => value && { ...value, steps: value.steps.map((step) => ({ ...step, value: step.value ?? -Infinity })) };
const option = (id, process = asIs, more = {}) => ({
  id,
  path: id,
  name: id,
  process,
  shouldApply: () => true,
  override: () => null,
  editor: () => null,
  ...more,
});
const ofNumbers = { shouldApply: (field) => field.type === FieldType.number };

const STANDARD = [
  ...['unit', 'displayName', 'noValue', 'links', 'mappings'].map((id) => option(id)),
  ...['decimals', 'min', 'max'].map((id) => option(id, number, ofNumbers)),
  option('fieldMinMax', asIs, ofNumbers),
  option('color', asIs, ofNumbers),
  option('thresholds', thresholds),
];

const shownEverywhere = { tooltip: false, viz: false, legend: false };
/** What a panel's plugin sets where its JSON says nothing. */
const CUSTOM = {
  timeseries: {
    drawStyle: 'line',
    lineInterpolation: 'linear',
    lineWidth: 1,
    fillOpacity: 0,
    gradientMode: 'none',
    showPoints: 'auto',
    pointSize: 5,
    spanNulls: false,
    insertNulls: false,
    axisPlacement: 'auto',
    axisColorMode: 'text',
    axisBorderShow: false,
    axisCenteredZero: false,
    axisLabel: '',
    scaleDistribution: { type: 'linear' },
    stacking: { mode: 'none', group: 'A' },
    hideFrom: shownEverywhere,
    thresholdsStyle: { mode: 'off' },
    barAlignment: 0,
    barWidthFactor: 0.6,
  },
  barchart: { lineWidth: 1, fillOpacity: 80, gradientMode: 'none', hideFrom: shownEverywhere },
  table: { align: 'auto', inspect: false, filterable: false, cellOptions: { type: 'auto' } },
};

/** The frames as they are drawn, and the field configuration that made them so; `replace` fills in variables. */
export async function toFields(panel, frames, replace) {
  const config = withDefaults(panel);
  const transformations = structuredClone(panel.transformations ?? []);
  const data = await firstValueFrom(transformDataFrame(transformations, frames, { interpolate: replace }));
  const drawn = applyFieldOverrides({
    data,
    fieldConfig: config,
    replaceVariables: replace,
    theme,
    timeZone: 'utc',
    fieldConfigRegistry: registry(config, Object.keys(CUSTOM[panel.type] ?? {})),
  });
  cacheFieldDisplayNames(drawn);
  return { frames: drawn, fieldConfig: config };
}

function withDefaults(panel) {
  const { defaults = {}, overrides = [] } = structuredClone(panel.fieldConfig ?? {});
  defaults.custom = { ...CUSTOM[panel.type], ...defaults.custom };
  defaults.color ??= { mode: ['timeseries', 'barchart'].includes(panel.type) ? 'palette-classic' : 'thresholds' };
  const { footer } = panel.options ?? {};
  if (footer?.show) defaults.custom.footer = { reducers: footer.reducer }; // where it is since Grafana 12.2
  return { defaults, overrides };
}

function registry({ defaults, overrides }, known) {
  const overridden = overrides.flatMap(({ properties }) => properties.map(({ id }) => id)).filter((id) => id.startsWith('custom.'));
  const custom = new Set([...known, ...Object.keys(defaults.custom), ...overridden.map((id) => id.slice('custom.'.length))]);
  const made = new FieldConfigOptionsRegistry();
  made.setInit(() => [...STANDARD, ...[...custom].map((name) => option(`custom.${name}`, asIs, { path: name, isCustom: true, ...(name === 'axisLabel' && ofNumbers) }))]);
  return made;
}
