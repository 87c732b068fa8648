// What can be seen of the drawn panels, for a test: their numbers, and where on the page which words are.
import { getFieldDisplayName, getFieldSeriesColor } from '@grafana/data';
import { axes } from './barchart.jsx';
import { theme } from './fields.js';

const ROUNDING = 1; // pixel

/** Each panel in its order on the page; boxes are in pixels of the page. */
export function seen(drawn) {
  const places = new Map(drawn.map((one) => [one.id, document.querySelector(`[data-panel="${one.id}"]`)]));
  return drawn
    .map((one) => ({ ...described(one), ...looked(places.get(one.id)) }))
    .sort(({ box: one }, { box: other }) => one.top - other.top || one.left - other.left);
}

function described({ id, title, type, options, frames, queries, errors, fieldConfig }) {
  return {
    id,
    title,
    type,
    errors,
    noValue: fieldConfig.defaults.noValue,
    queries: queries.map(({ target, expr, samples }) => ({ refId: target.refId, expr, samples: samples.length })),
    frames: frames.map((frame) => ({
      rows: frame.length,
      fields: frame.fields
        .filter(({ config }) => !config.custom?.hideFrom?.viz && !config.custom?.hidden)
        .map((field) => ({ name: getFieldDisplayName(field, frame, frames), type: field.type, values: [...field.values].slice(0, 1000) })),
    })),
    series: seriesOf(type, frames, options),
  };
}

/** Lines or bars with their colours. */
function seriesOf(type, frames, options) {
  const named = (field, frame) => ({ name: getFieldDisplayName(field, frame, frames), color: getFieldSeriesColor(field, theme).color });
  if (type === 'timeseries') {
    return frames.flatMap((frame) => frame.fields.filter((field) => field.type === 'number').map((field) => named(field, frame)));
  }
  const chart = type === 'barchart' && axes(frames, options);
  return chart ? chart.bars.map((field) => named(field, chart.frame)) : [];
}

function looked(place) {
  return {
    box: boxOf(place),
    text: place.innerText,
    columns: [...place.querySelectorAll('[role="columnheader"]')].map((column) => ({ text: wordsOf(column), box: boxOf(column) })),
    rows: [...place.querySelectorAll('[role="row"]')].map((row) => [...row.querySelectorAll('[role="gridcell"]')].map(wordsOf)).filter((row) => row.length),
    legend: [...place.querySelectorAll('[data-testid="series-icon"]')].map(legendEntry),
    clipped: clippedTexts(place),
  };
}

function legendEntry(icon) {
  const entry = icon.closest('tr') ?? icon.parentElement;
  return { text: wordsOf(entry), color: getComputedStyle(icon).backgroundColor, box: boxOf(entry) };
}

const wordsOf = (element) => element.innerText.trim();

function boxOf(element) {
  const { left, top, width, height } = element.getBoundingClientRect();
  return { left: Math.round(left + scrollX), top: Math.round(top + scrollY), width: Math.round(width), height: Math.round(height) };
}

/** The texts of which a part is cut off at the left or right, and what they are in. */
function clippedTexts(place) {
  const texts = document.createTreeWalker(place, NodeFilter.SHOW_TEXT);
  const clipped = [];
  while (texts.nextNode()) {
    const { parentElement: element, data } = texts.currentNode;
    if (data.trim() && isCut(texts.currentNode, place)) clipped.push({ text: data.trim(), in: roleOf(element), box: boxOf(element) });
  }
  return clipped;
}

function isCut(text, place) {
  const range = document.createRange();
  range.selectNodeContents(text);
  const { left, right, width } = range.getBoundingClientRect();
  if (width === 0) return false;
  for (let element = text.parentElement; element !== place.parentElement; element = element.parentElement) {
    const style = getComputedStyle(element);
    if (style.overflowX === 'visible') continue;
    const box = element.getBoundingClientRect();
    if (right > box.right + ROUNDING || left < box.left - ROUNDING) return true;
    if (style.textOverflow === 'ellipsis' && element.scrollWidth > element.clientWidth) return true;
  }
  return false;
}

function roleOf(element) {
  const cell = element.closest('[role="gridcell"], [role="columnheader"]');
  if (cell) return `${cell.role === 'gridcell' ? 'cell' : 'column'} ${cell.ariaColIndex}`;
  if (element.closest('[data-testid$="header-container"]')) return 'title';
  return element.closest('tr, li')?.querySelector('[data-testid="series-icon"]') ? 'legend' : 'panel';
}
