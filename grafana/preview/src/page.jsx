// The page of one dashboard, named in its address; `window.preview` is what was drawn, once everything is.
import { EventBusSrv, setTimeZoneResolver, ThemeContext } from '@grafana/data';
import { initRegionalFormatForTests } from '@grafana/i18n';
import { GlobalStyles, Icon, PanelContextProvider, PortalContainer } from '@grafana/ui';
import { useEffect, useState } from 'react';
import { flushSync } from 'react-dom';
import { createRoot } from 'react-dom/client';
import { Controls, Path } from './controls.jsx';
import { theme } from './fields.js';
import { box, heightOf, laidOut } from './layout.js';
import { Panel } from './panel.jsx';
import { rangeOf } from './range.js';
import { seen } from './seen.js';
import { interpolate, resolve } from './variables.js';

const MARGIN = 16;
const FONTS = ['400 14px Inter', '500 14px Inter', '400 14px "Roboto Mono"'];
const CONTEXT = { eventsScope: 'global', eventBus: new EventBusSrv(), canExecuteActions: () => false, onToggleSeriesVisibility() {} };

async function load() {
  const asked = new URLSearchParams(location.search);
  const dashboard = await (await fetch(`/dashboards/${asked.get('dashboard')}`)).json();
  const range = rangeOf(dashboard.time);
  const scope = await resolve(dashboard, JSON.parse(asked.get('variables')), range);
  await Promise.all(FONTS.map(loadFont));
  return { dashboard, range, scope, panels: laidOut(dashboard) };
}

/** Components measure texts when they are first drawn: in another font they would be too wide, or too narrow. */
async function loadFont(font) {
  const faces = await document.fonts.load(font);
  if (faces.length === 0) throw new Error(`no font face for ${font}`);
}

function Dashboard({ dashboard, range, scope, panels }) {
  const [drawn, setDrawn] = useState([]);
  const width = document.documentElement.clientWidth - 2 * MARGIN;
  const isDone = drawn.length === panels.filter(({ type }) => type !== 'row').length;
  useEffect(() => {
    if (isDone) onceQuiet(() => (window.preview = { title: dashboard.title, height: document.getElementById('root').offsetHeight, panels: seen(drawn) }));
  }, [isDone]);
  return (
    <>
      <PortalContainer />
      <PanelContextProvider value={CONTEXT}>
        <Path title={dashboard.title} />
        <Controls dashboard={dashboard} scope={scope} />
        <div style={{ position: 'relative', margin: `0 ${MARGIN}px`, height: heightOf(panels) + MARGIN }}>
          {panels.map((panel) => {
            const place = box(panel.gridPos, width);
            return (
              <div key={panel.id} data-panel={panel.id} style={{ position: 'absolute', ...place }}>
                {panel.type === 'row' ? (
                  <Row title={interpolate(panel.title, scope)} />
                ) : (
                  <Panel panel={panel} scope={scope} range={range} {...place} onDrawn={(one) => setDrawn((others) => [...others, one])} />
                )}
              </div>
            );
          })}
        </div>
      </PanelContextProvider>
    </>
  );
}

function Row({ title }) {
  const { fontSize } = theme.typography.h5;
  return (
    <div style={{ display: 'flex', alignItems: 'center', gap: 8, height: '100%', fontSize, fontWeight: 500 }}>
      <Icon name="angle-down" />
      <span>{title}</span>
    </div>
  );
}

/** Calls back when the page has not changed for a few frames: canvases and tables measure themselves, then draw again. */
function onceQuiet(call, frames = 12) {
  let left = frames;
  const observer = new MutationObserver(() => (left = frames));
  observer.observe(document.body, { subtree: true, childList: true, attributes: true });
  const count = () => {
    if (left-- > 0) return requestAnimationFrame(count);
    observer.disconnect();
    return call();
  };
  count();
}

setTimeZoneResolver(() => 'utc');
initRegionalFormatForTests('en-US');
document.body.className = `theme-${new URLSearchParams(location.search).get('theme')} app-grafana`;
const root = createRoot(document.getElementById('root'));
const draw = (loaded) =>
  root.render(
    <ThemeContext.Provider value={theme}>
      <GlobalStyles />
      {loaded && <Dashboard {...loaded} />}
    </ThemeContext.Provider>,
  );
flushSync(() => draw()); // the styles, which declare the fonts
load().then(draw, (error) => (window.preview = { error: error.stack }));
