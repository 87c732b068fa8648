// Draws pages in Chromium: on standard input a plan,
//   {"dashboards": FOLDER, "chromium": PATH, "pages": [{"dashboard": FILE, "prometheus": PORT, "width": 1366, "theme": "dark",
//    "variables": {}, "json": FILE, "picture": FILE or null, "height": PIXELS or null}]}
// The page is built meanwhile. Each page's JSON says what was drawn. A line is written for each page.
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import puppeteer from 'puppeteer-core';
import { bundled, serve } from './server.mjs';

const AT_ONCE = 2;
const PATIENCE_MILLISECONDS = 60_000;
const TALLEST = 8_000; // all of a page is in view: tables draw nothing that is not
const FLAGS = [
  '--disable-gpu',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--hide-scrollbars',
  '--no-sandbox', // nothing but this page is loaded
];

const building = bundled();
building.catch(() => {}); // it is awaited below
const plan = JSON.parse(await text(process.stdin));
const server = await serve(await building, plan.dashboards);
const profile = await mkdtemp(join(tmpdir(), 'preview-'));
const browser = await puppeteer.launch({
  executablePath: plan.chromium,
  userDataDir: profile,
  args: FLAGS,
});
try {
  const left = plan.pages.values();
  await Promise.all(Array.from({ length: AT_ONCE }, async () => {
    const context = await browser.createBrowserContext(); // a window of its own: a page behind another is not drawn
    const page = await context.newPage();
    for (const one of left) await draw(page, one);
  }));
} finally {
  await browser.close();
  await rm(profile, { recursive: true, force: true, maxRetries: 5 });
  server.close();
}

async function draw(page, { dashboard, prometheus, width, theme, variables, json, picture, height: most }) {
  const started = Date.now();
  const messages = [];
  const listen = {
    pageerror: (error) => messages.push(error.stack),
    requestfailed: (request) => messages.push(`failed: ${request.url()}`),
    response: (response) => response.status() >= 400 && messages.push(`${response.status()}: ${response.url()}`),
  };
  for (const [event, listener] of Object.entries(listen)) page.on(event, listener);
  await page.setViewport({ width, height: TALLEST });
  const query = new URLSearchParams({ dashboard, prometheus, theme, variables: JSON.stringify(variables) });
  await page.goto(`${server.url}/?${query}`);
  await page.waitForFunction('window.preview', { timeout: PATIENCE_MILLISECONDS }).catch((error) => messages.push(error.message));
  const drawn = await page.evaluate('window.preview');
  const height = drawn?.height ?? TALLEST;
  if (height > TALLEST) messages.push(`the page is higher than ${TALLEST} pixels`);
  if (picture) await page.screenshot({ path: picture, clip: { x: 0, y: 0, width, height: Math.min(height, most ?? height) } });
  for (const [event, listener] of Object.entries(listen)) page.off(event, listener);
  if (drawn?.error) messages.push(drawn.error);
  await writeFile(json, JSON.stringify({ dashboard, width, theme, ...drawn, messages }, null, 1));
  console.log(`${json} ${Date.now() - started} ms`, ...messages);
}
