// Where a dashboard's panels lie: Grafana's grid of 24 columns.

const COLUMNS = 24;
const CELL = 30;
const GAP = 8;

/** The panels, from the top. */
export function laidOut({ panels }) {
  for (const { title, repeat, collapsed } of panels) {
    if (repeat || collapsed) throw new Error(`the preview repeats no panels and opens no rows: ${title}`);
  }
  return panels.toSorted(({ gridPos: one }, { gridPos: other }) => one.y - other.y || one.x - other.x);
}

/** In pixels, on a grid so wide. */
export function box({ x, y, w, h }, width) {
  const column = (width + GAP) / COLUMNS;
  return { left: x * column, top: y * (CELL + GAP), width: w * column - GAP, height: h * (CELL + GAP) - GAP };
}

export const heightOf = (panels) => Math.max(0, ...panels.map(({ gridPos }) => gridPos.y + gridPos.h)) * (CELL + GAP);
