// What the page is made of, the dashboards, and Prometheus under the page's own origin, on a free port of the loopback.
import { build } from 'esbuild';
import { readFile } from 'node:fs/promises';
import http from 'node:http';
import { extname, join } from 'node:path';

const HERE = import.meta.dirname;
const MODULES = join(HERE, 'node_modules');
const TYPES = { '.css': 'text/css', '.html': 'text/html', '.js': 'text/javascript', '.json': 'application/json', '.svg': 'image/svg+xml', '.woff2': 'font/woff2' };
/** Grafana has one file of each font, named by the font's own. */
const MONO = join(MODULES, '@fontsource/roboto-mono/files/roboto-mono-latin-400-normal.woff2');
const PLACES = [
  [/^\/public\/build\/img\/(.+)$/, ([, path]) => join(MODULES, '@grafana/ui/dist/public/img', path)],
  [/^\/public\/fonts\/inter\/(.+)$/, ([, name]) => join(MODULES, 'inter-ui/web', name)],
  [/^\/public\/fonts\/roboto\//, () => MONO],
  [/^\/$/, () => join(HERE, 'index.html')],
];

/** The bundle's files by path. */
export async function bundled() {
  const { outputFiles } = await build({
    entryPoints: [join(HERE, 'src/page.jsx')],
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    jsx: 'automatic',
    define: { global: 'globalThis', 'process.env.NODE_ENV': '"production"' },
    loader: { '.ttf': 'empty' },
    logLevel: 'warning',
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

/** A server of these bundled files and the dashboards of a folder, and its URL. `/prometheus<port>/...` is asked of that port. */
export async function serve(bundle, dashboards) {
  const server = http.createServer(async (request, response) => {
    const { pathname } = new URL(request.url, 'http://localhost');
    const [, port, asked] = request.url.match(/^\/prometheus(\d+)(\/.*)$/) ?? [];
    if (port) return forward(request, response, port, asked);
    try {
      const content = bundle.get(pathname) ?? (await readFile(fileOf(pathname, dashboards)));
      response.writeHead(200, { 'content-type': TYPES[extname(pathname) || '.html'] }).end(content);
    } catch {
      response.writeHead(404).end();
    }
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  return { url: `http://127.0.0.1:${server.address().port}`, close: () => server.close() };
}

function fileOf(pathname, dashboards) {
  for (const [pattern, place] of [...PLACES, [/^\/dashboards\/([\w.-]+)$/, ([, name]) => join(dashboards, name)]]) {
    const found = pathname.match(pattern);
    if (found) return place(found);
  }
  throw new Error(`there is no ${pathname}`);
}

function forward(request, response, port, path) {
  const { method, headers } = request;
  const asked = http.request({ host: '127.0.0.1', port, path, method, headers }, (answer) => {
    response.writeHead(answer.statusCode, answer.headers);
    answer.pipe(response);
  });
  asked.on('error', (error) => {
    response.writeHead(502).end(JSON.stringify({ status: 'error', errorType: 'preview', error: error.message }));
  });
  request.pipe(asked);
}
