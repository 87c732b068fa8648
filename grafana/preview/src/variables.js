// A dashboard's variables: what they are set to, and how they are put into titles and queries.
import { ask } from './api.js';

const ALL = '$__all';
const REFERENCE = /\$\{(\w+)(?::(\w+))?\}|\$(\w+)/g;

const quoted = (text) => JSON.stringify(text).slice(1, -1);
const literally = (text) => quoted(text.replace(/[\\$^*{}[\]'+?.()|]/g, '\\$&'));
const oneOf = (values) => (values.length === 1 ? literally(values[0]) : `(${values.map(literally).join('|')})`);

const FORMATS = {
  text: ({ texts }) => texts.join(' + '),
  raw: ({ values }) => values.join(','),
  /** As the Prometheus data source does where nothing else is said. */
  query({ variable, values, options }) {
    if (values[0] === ALL) return variable.allValue ?? oneOf(options.map((option) => option.value));
    return variable.multi || variable.includeAll ? oneOf(values) : quoted(values[0]);
  },
};

/** `text` with the variables of `scope` in it, in `format` where the text names none. Plain strings are put in as they are. */
export function interpolate(text, scope, format = 'text') {
  return text?.replace(REFERENCE, (whole, braced, named, bare) => {
    const found = scope[braced ?? bare];
    if (found === undefined) return whole;
    if (typeof found === 'string') return found;
    const write = FORMATS[named ?? format];
    if (!write) throw new Error(`the preview has no format for ${whole}`);
    return write(found);
  });
}

/** Each variable by name, as it is saved in the dashboard or as `chosen` says, in the dashboard's order. */
export async function resolve(dashboard, chosen, range) {
  const scope = {};
  for (const variable of dashboard.templating?.list ?? []) {
    const options = await optionsOf(variable, scope, range);
    const saved = [variable.current?.value ?? options[0]?.value ?? ''].flat();
    const values = chosen[variable.name] ? [chosen[variable.name]].flat() : saved;
    const texts = values.map((value) => (value === ALL ? 'All' : (options.find((one) => one.value === value)?.text ?? value)));
    scope[variable.name] = { variable, options, values, texts };
  }
  return scope;
}

async function optionsOf(variable, scope, range) {
  switch (variable.type) {
    case 'datasource':
      return [{ text: 'Prometheus', value: 'prometheus' }];
    case 'custom':
      return variable.query.split(/,\s*/).map((one) => {
        const [text, value = text] = one.split(' : ').map((part) => part.trim());
        return { text, value };
      });
    case 'query':
      return filtered(await found(interpolate(variable.query.query ?? variable.query, scope, 'query'), range), variable.regex);
    default:
      throw new Error(`the preview has no variables of type ${variable.type}`);
  }
}

async function found(query, { from, to }) {
  const time = { start: from.valueOf() / 1000, end: to.valueOf() / 1000 };
  const [, match, label] = query.match(/^label_values\((?:(.+),\s*)?(\w+)\)$/s) ?? [];
  if (label) return ask(`label/${label}/values`, match ? { ...time, 'match[]': match } : time);
  if (query === 'label_names()') return ask('labels', time);
  const [, expr] = query.match(/^query_result\((.+)\)$/s) ?? [];
  if (!expr) throw new Error(`the preview has no variables by ${query}`);
  const { result } = await ask('query', { query: expr, time: time.end });
  return result.map(({ metric, value }) => {
    const labels = Object.entries(metric).map(([name, text]) => `${name}="${text}"`);
    return `{${labels.join(',')}} ${value[1]} ${value[0] * 1000}`;
  });
}

function filtered(texts, regex) {
  if (!regex) return texts.map((text) => ({ text, value: text }));
  const [, source, flags] = regex.match(/^\/(.*)\/(\w*)$/s) ?? [null, regex, ''];
  return texts.flatMap((whole) => {
    const hit = new RegExp(source, flags).exec(whole);
    if (!hit) return [];
    const value = hit.groups?.value ?? hit.groups?.text ?? hit[1] ?? hit[0];
    return [{ text: hit.groups?.text ?? value, value }];
  });
}
