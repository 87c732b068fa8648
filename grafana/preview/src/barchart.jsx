// Grafana's bar chart is no component of its packages: its vertical bars are drawn here, in Grafana's frame of uPlot.
import { FieldType, getFieldDisplayName, getFieldSeriesColor } from '@grafana/data';
import { AxisPlacement, ScaleDirection, ScaleDistribution, ScaleOrientation } from '@grafana/schema';
import { PlotLegend, UPlotChart, UPlotConfigBuilder, VizLayout, measureText } from '@grafana/ui';
import { useMemo } from 'react';
import { theme } from './fields.js';
import { NoData } from './nodata.jsx';

const FONT_SIZE = 12;
const SPACE = 16; // between two labels of the axis
const DRAWN = 3; // uPlot's flags: band and gaps are not wanted

export function BarChart(props) {
  const { panel, frames, width, height } = props;
  const chart = useMemo(() => build(frames, panel.options), [frames]);
  if (!chart) return <NoData {...props} />;
  const { config, data, frame } = chart;
  const { legend } = panel.options;
  return (
    <VizLayout width={width} height={height} legend={legend?.showLegend ? <PlotLegend data={[frame]} config={config} {...legend} /> : null}>
      {(plotWidth, plotHeight) => <UPlotChart config={config} data={data} width={plotWidth} height={plotHeight} />}
    </VizLayout>
  );
}

/** The field of the categories, and those of the bars. */
export function axes(frames, { xField }) {
  const [frame] = frames;
  if (!frame?.length) return undefined;
  const isNamed = (field) => [field.name, getFieldDisplayName(field, frame, frames)].includes(xField);
  const x = frame.fields.find(isNamed) ?? frame.fields.find(({ type }) => [FieldType.string, FieldType.time].includes(type));
  const bars = frame.fields.filter((field) => field !== x && field.type === FieldType.number && !field.config.custom?.hideFrom?.viz);
  return x && bars.length ? { frame, x, bars } : undefined;
}

function build(frames, options) {
  const found = axes(frames, options);
  if (!found) return undefined;
  const { frame, x, bars } = found;
  const { groupWidth = 0.7, barWidth = 0.97, stacking } = options;
  const isStacked = stacking === 'normal';
  const spans = isStacked ? stacked(bars) : bars.map(({ values }) => values.map((high) => ({ low: 0, high })));
  const config = new UPlotConfigBuilder('utc');
  config.addScale({
    scaleKey: 'x',
    isTime: false,
    distribution: ScaleDistribution.Linear,
    orientation: ScaleOrientation.Horizontal,
    direction: ScaleDirection.Right,
    range: () => [-groupWidth / 2, frame.length - 1 + groupWidth / 2],
  });
  config.addScale({
    scaleKey: 'y',
    distribution: ScaleDistribution.Linear,
    orientation: ScaleOrientation.Vertical,
    direction: ScaleDirection.Up,
    min: bars[0].config.min,
    max: bars[0].config.max,
    softMin: 0,
  });
  config.addAxis(categories(x, options));
  config.addAxis({ scaleKey: 'y', placement: AxisPlacement.Left, theme, formatValue: (value, decimals) => written(bars[0].display(value, decimals)) });
  const { thresholds, custom } = bars[0].config;
  const isMarked = custom?.thresholdsStyle && custom.thresholdsStyle.mode !== 'off';
  if (isMarked) config.addThresholds({ config: custom.thresholdsStyle, thresholds, scaleKey: 'y', theme });
  bars.forEach((field, place) => {
    const beside = isStacked ? 1 : bars.length;
    config.addSeries({
      scaleKey: 'y',
      theme,
      lineColor: getFieldSeriesColor(field, theme).color,
      lineWidth: field.config.custom?.lineWidth,
      fillOpacity: field.config.custom?.fillOpacity,
      show: true,
      dataFrameFieldIndex: { frameIndex: 0, fieldIndex: frame.fields.indexOf(field) },
      pointsBuilder: () => false,
      pathBuilder: (plot) => paths(plot, spans[place], {
        offset: (isStacked ? 0 : place) * (groupWidth / beside) - groupWidth / 2,
        width: (groupWidth * barWidth) / beside,
      }),
    });
  });
  return { config, frame, data: [x.values.map((_, place) => place), ...spans.map((of) => of.map(({ high }) => high))] };
}

function stacked(bars) {
  const sums = bars[0].values.map(() => 0);
  return bars.map(({ values }) =>
    values.map((value, at) => {
      const low = sums[at];
      sums[at] += value ?? 0;
      return { low, high: value === null || value === undefined ? null : sums[at] };
    }),
  );
}

function categories(x, { xTickLabelRotation = 0, xTickLabelSpacing = 0 }) {
  const texts = [...x.values].map((value) => written(x.display(value)));
  const widest = Math.max(...texts.map((text) => measureText(text, FONT_SIZE).width));
  const turn = (Math.abs(xTickLabelRotation) * Math.PI) / 180;
  const room = turn ? FONT_SIZE * 1.5 : widest + SPACE;
  return {
    scaleKey: 'x',
    isTime: false,
    placement: AxisPlacement.Bottom,
    theme,
    grid: { show: false },
    ticks: { show: false },
    gap: 8,
    size: Math.ceil(widest * Math.sin(turn) + FONT_SIZE * Math.cos(turn)) + SPACE,
    tickLabelRotation: -xTickLabelRotation,
    space: () => 0,
    splits: (plot) => {
      const every = Math.max(1, Math.ceil((Math.max(room, Math.abs(xTickLabelSpacing)) * texts.length) / (plot.bbox.width / devicePixelRatio)));
      return texts.map((_, place) => place).filter((place) => (texts.length - 1 - place) % every === 0);
    },
    values: (_, places) => places.map((place) => texts[place]),
  };
}

const written = ({ prefix = '', text, suffix = '' }) => prefix + text + suffix;

/** A rectangle for each span, `offset` right of its place and `width` wide, in units of the axis. */
function paths(plot, spans, { offset, width }) {
  const fill = new Path2D();
  const stroke = new Path2D();
  spans.forEach(({ low, high }, place) => {
    if (high === null || high === undefined) return;
    const left = plot.valToPos(place + offset, 'x', true);
    const right = plot.valToPos(place + offset + width, 'x', true);
    const top = plot.valToPos(high, 'y', true);
    const bottom = plot.valToPos(low, 'y', true);
    fill.rect(left, top, right - left, bottom - top);
    stroke.rect(left + 0.5, top + 0.5, Math.max(0, right - left - 1), Math.max(0, bottom - top - 1));
  });
  return { fill, stroke, flags: DRAWN };
}
