// Where a dashboard's panels lie: Grafana's grid of 24 columns, with its rows open or shut.

const COLUMNS = 24;
const CELL = 30;
const GAP = 8;

/** The panels that are there: without the content of shut rows, or with it, and what is below moved down. */
export function laidOut(dashboard, isOpen) {
  const there = [];
  let moved = 0;
  const inOrder = [...dashboard.panels].sort(({ gridPos: one }, { gridPos: other }) => one.y - other.y || one.x - other.x);
  for (const panel of inOrder) {
    if (panel.repeat) throw new Error(`the preview does not repeat panels: ${panel.title}`);
    const placed = down(panel, moved);
    there.push(placed);
    if (!isOpen || !panel.collapsed || !panel.panels.length) continue;
    const top = Math.min(...panel.panels.map(({ gridPos }) => gridPos.y));
    const inside = panel.panels.map((one) => down(one, bottom(placed) - top));
    there.push(...inside);
    moved += Math.max(...inside.map(bottom)) - bottom(placed);
  }
  return there;
}

const down = (panel, rows) => ({ ...panel, gridPos: { ...panel.gridPos, y: panel.gridPos.y + rows } });
const bottom = ({ gridPos }) => gridPos.y + gridPos.h;

/** In pixels, on a grid so wide. */
export function box({ x, y, w, h }, width) {
  const column = (width + GAP) / COLUMNS;
  return { left: x * column, top: y * (CELL + GAP), width: w * column - GAP, height: h * (CELL + GAP) - GAP };
}

export const heightOf = (panels) => Math.max(0, ...panels.map(bottom)) * (CELL + GAP);
