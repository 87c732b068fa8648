// One panel: asks its queries, and draws their answer in Grafana's frame.
import { rangeUtil } from '@grafana/data';
import { Icon, PanelChrome } from '@grafana/ui';
import { Component, useEffect, useState } from 'react';
import { toFields } from './fields.js';
import { run } from './prometheus.js';
import { rangeOf } from './range.js';
import { interpolate } from './variables.js';
import { VISUALIZATIONS } from './visualizations.jsx';

/** `onDrawn` is given what was drawn, once. */
export function Panel({ panel, scope, range, width, height, onDrawn }) {
  const [answer, setAnswer] = useState(null);
  const replace = (text, more, format) => interpolate(text, { ...scope, ...more }, format);
  const title = replace(panel.title ?? '');
  useEffect(() => {
    answered(panel, scope, range, width, replace).then(setAnswer);
  }, []);
  useEffect(() => {
    if (answer) onDrawn({ id: panel.id, type: panel.type, options: panel.options, title, ...answer });
  }, [answer]);
  const Visualization = VISUALIZATIONS[panel.type] ?? (() => null);
  return (
    <PanelChrome
      title={title}
      description={panel.description}
      width={width}
      height={height}
      padding={['table', 'stat'].includes(panel.type) ? 'none' : 'md'}
      statusMessage={answer?.errors[0]}
      titleItems={panel.timeFrom ? <OwnRange of={panel.timeFrom} /> : undefined}
    >
      {(innerWidth, innerHeight) =>
        answer && (
          <Caught onError={(error) => answer.errors.push(error)}>
            <Visualization panel={panel} replace={replace} width={innerWidth} height={innerHeight} {...answer} />
          </Caught>
        )
      }
    </PanelChrome>
  );
}

async function answered(panel, scope, range, width, replace) {
  const own = panel.timeFrom ? rangeOf(rangeUtil.describeTextRange(panel.timeFrom)) : range;
  try {
    const { frames, queries } = await run(panel, scope, own, width);
    const errors = queries.flatMap(({ target, error }) => (error ? [`${target.refId}: ${error}`] : []));
    if (!VISUALIZATIONS[panel.type]) throw new Error(`the preview has no panels of type ${panel.type}`);
    return { ...(await toFields(panel, frames, replace)), queries, errors, range: own };
  } catch (error) {
    return { frames: [], fieldConfig: { defaults: {}, overrides: [] }, queries: [], errors: [error.message], range: own };
  }
}

function OwnRange({ of }) {
  return (
    <PanelChrome.TitleItem>
      <Icon name="clock-nine" size="sm" /> <span style={{ marginLeft: 4 }}>{rangeUtil.describeTextRange(of).display}</span>
    </PanelChrome.TitleItem>
  );
}

class Caught extends Component {
  state = {};

  static getDerivedStateFromError = (error) => ({ error });

  componentDidCatch(error) {
    this.props.onError(error.message);
  }

  render() {
    return this.state.error ? String(this.state.error) : this.props.children;
  }
}
