// Each type of panel with Grafana's own components, put together as its plugin does; the bar chart has a module of its own.
import {
  FieldType,
  getDisplayValueAlignmentFactors,
  getFieldDisplayValues,
  renderTextPanelMarkdown,
  textUtil,
} from '@grafana/data';
import { BarGauge, BigValue, TimeSeries, VizRepeater } from '@grafana/ui';
import { TableNG } from '@grafana/ui/unstable';
import { useMemo } from 'react';
import { BarChart } from './barchart.jsx';
import { NoData } from './nodata.jsx';
import { theme } from './fields.js';

/** A component for each type, of a panel, its frames, its field configuration, its range, its size. */
export const VISUALIZATIONS = { stat: Stat, bargauge: Bars, table: Table, timeseries: Lines, barchart: BarChart, text: Text };

function reduced({ panel, frames, fieldConfig, replace }, more) {
  return getFieldDisplayValues({
    fieldConfig,
    reduceOptions: panel.options.reduceOptions,
    replaceVariables: replace,
    theme,
    data: frames,
    timeZone: 'utc',
    ...more,
  });
}

function Stat(props) {
  const { panel, frames, width, height } = props;
  const { orientation, wideLayout = true, showPercentChange, ...options } = panel.options;
  return (
    <VizRepeater
      getValues={() => reduced(props, { sparkline: options.graphMode !== 'none', percentChange: showPercentChange })}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, count, alignmentFactors, ...size }) => (
        <BigValue
          {...options}
          value={value.display}
          sparkline={value.sparkline}
          count={count}
          alignmentFactors={alignmentFactors}
          disableWideLayout={!wideLayout}
          theme={theme}
          width={size.width}
          height={size.height}
        />
      )}
      source={frames}
      orientation={orientation}
      width={width}
      height={height}
      itemSpacing={3}
      renderCounter={0}
      autoGrid
    />
  );
}

function Bars(props) {
  const { panel, frames, width, height } = props;
  const { orientation, displayMode, showUnfilled, valueMode, namePlacement, text, minVizWidth, minVizHeight, maxVizHeight } = panel.options;
  const spacing = displayMode === 'lcd' ? 2 : 10;
  return (
    <VizRepeater
      getValues={() => reduced(props)}
      getAlignmentFactors={getDisplayValueAlignmentFactors}
      renderValue={({ value, alignmentFactors, ...box }) => (
        <BarGauge
          value={value.display}
          field={value.field}
          display={value.view?.getFieldDisplayProcessor(value.colIndex)}
          alignmentFactors={alignmentFactors}
          orientation={box.orientation}
          width={box.width}
          height={box.height}
          text={text}
          theme={theme}
          itemSpacing={spacing}
          displayMode={displayMode}
          showUnfilled={showUnfilled}
          valueDisplayMode={valueMode}
          namePlacement={namePlacement}
          isOverflow={false}
        />
      )}
      source={frames}
      orientation={orientation}
      width={width}
      height={height}
      itemSpacing={spacing}
      renderCounter={0}
      minVizWidth={minVizWidth}
      minVizHeight={minVizHeight}
      maxVizHeight={maxVizHeight}
    />
  );
}

function Table(props) {
  const { panel, frames, width, height, range, fieldConfig } = props;
  const { frameIndex = 0, showHeader = true, showTypeIcons, sortBy, cellHeight } = panel.options;
  const frame = frames[frameIndex] ?? frames[0];
  if (!frame?.length) return <NoData {...props} />;
  return (
    <TableNG
      data={frame}
      fieldConfig={fieldConfig}
      timeRange={range}
      width={width}
      height={height}
      noHeader={!showHeader}
      showTypeIcons={showTypeIcons}
      initialSortBy={sortBy}
      cellHeight={cellHeight}
      enableVirtualization={false} // what cannot be seen is drawn too, and found outside of its panel
      structureRev={1}
    />
  );
}

function Lines(props) {
  const { panel, width, height, range } = props;
  const frames = useMemo(() => props.frames.map(withGaps), [props.frames]);
  if (!frames.some((frame) => frame.length)) return <NoData {...props} />;
  return (
    <TimeSeries
      frames={frames}
      timeRange={range}
      timeZone="utc"
      width={width}
      height={height}
      legend={panel.options.legend}
      options={panel.options}
      theme={theme}
      structureRev={1}
    />
  );
}

/** A gap, not a line to nowhere, where a value is not finite. */
const withGaps = (frame) => ({
  ...frame,
  fields: frame.fields.map((field) =>
    field.type === FieldType.number ? { ...field, values: field.values.map((value) => (Number.isFinite(value) ? value : null)) } : field,
  ),
});

function Text({ panel, width, height, replace }) {
  const { mode, content } = panel.options;
  const text = replace(content);
  const html = mode === 'html' ? textUtil.sanitizeTextPanelContent(text) : renderTextPanelMarkdown(text);
  return <div className="markdown-html" style={{ width, height, overflow: 'auto' }} dangerouslySetInnerHTML={{ __html: html }} />;
}
