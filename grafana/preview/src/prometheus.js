// What Grafana's Prometheus data source makes of a panel's queries, by its documentation: that package is under AGPL-3.0.
import { FieldType, rangeUtil, toDataFrame } from '@grafana/data';
import { ask } from './api.js';
import { interpolate } from './variables.js';

const SCRAPE_SECONDS = 15; // as in the data source of grafana/provisioning

/** The frames of a panel so many pixels wide, and each query with what it found or why it failed. */
export async function run(panel, scope, range, width) {
  const { intervalMs } = rangeUtil.calculateInterval(
    range,
    panel.maxDataPoints ?? Math.max(100, Math.round(width)),
    interpolate(panel.interval, scope, 'raw') || `${SCRAPE_SECONDS}s`,
  );
  const step = intervalMs / 1000;
  const all = { ...scope, __rate_interval: `${Math.max(step + SCRAPE_SECONDS, 4 * SCRAPE_SECONDS)}s` };
  const queries = await Promise.all(
    (panel.targets ?? []).filter((target) => !target.hide).map((target) => query(target, interpolate(target.expr, all, 'query'), range, step)),
  );
  const tables = queries.filter(({ target }) => target.format === 'table');
  const frames = queries.flatMap((one) => (tables.includes(one) ? [tableOf(one, tables.length > 1)] : seriesOf(one, step)));
  return { frames, queries };
}

async function query(target, expr, range, step) {
  const aligned = (instant) => Math.floor(instant / 1000 / step) * step;
  try {
    const left = expr.match(/\$[a-z_]\w*/i); // $1 is of label_replace
    if (left) throw new Error(`no variable ${left[0]}`);
    const data = target.instant
      ? await ask('query', { query: expr, time: range.to.valueOf() / 1000 })
      : await ask('query_range', { query: expr, start: aligned(range.from), end: aligned(range.to), step });
    return { target, expr, samples: data.resultType === 'scalar' ? [{ metric: {}, value: data.result }] : data.result };
  } catch (error) {
    return { target, expr, samples: [], error: error.message };
  }
}

function tableOf({ target, samples }, isOneOfSeveral) {
  const labels = new Set(samples.flatMap(({ metric }) => Object.keys(metric).sort()));
  return toDataFrame({
    refId: target.refId,
    fields: [
      { name: 'Time', type: FieldType.time, values: samples.map(({ value }) => value[0] * 1000) },
      ...[...labels].map((name) => ({
        name,
        type: FieldType.string,
        config: { filterable: true },
        values: samples.map(({ metric }) => metric[name] ?? ''),
      })),
      {
        name: isOneOfSeveral ? `Value #${target.refId}` : 'Value',
        type: FieldType.number,
        values: samples.map(({ value }) => number(value[1])),
      },
    ],
  });
}

function seriesOf({ target, expr, samples }, step) {
  return samples.map(({ metric, value, values = [value] }) => {
    const displayNameFromDS = legend(target.legendFormat, metric, expr);
    return toDataFrame({
      refId: target.refId,
      name: displayNameFromDS,
      fields: [
        {
          name: 'Time',
          type: FieldType.time,
          config: target.instant ? {} : { interval: step * 1000 },
          values: values.map(([seconds]) => seconds * 1000),
        },
        { name: 'Value', type: FieldType.number, labels: metric, config: { displayNameFromDS }, values: values.map(([, text]) => number(text)) },
      ],
    });
  });
}

function legend(format, metric, expr) {
  if (format && format !== '__auto') return format.replace(/\{\{\s*(.+?)\s*\}\}/g, (_, name) => metric[name] ?? '');
  const { __name__ = '', ...labels } = metric;
  const inner = Object.entries(labels).map(([name, text]) => `${name}="${text}"`);
  return __name__ + (inner.length ? `{${inner.join(', ')}}` : '') || expr;
}

const number = (text) => ({ '+Inf': Infinity, '-Inf': -Infinity })[text] ?? Number(text);
