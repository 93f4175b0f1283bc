// What dygraphs does not draw: the faults behind the curves, single requests, the bounds of hypotheses; and curves, since
// what a cell of time came to holds of all of the cell, and is no point in its middle.
page.paint = (() => {
  const view = page.view;
  const DOTS = 6000;  // as many as can still be told apart

  const faults = (context, area, graph) => {
    for (const lane of page.data.lanes) {
      const fill = (from, to, alpha) => {
        const left = graph.toDomXCoord(from), right = graph.toDomXCoord(to);
        context.globalAlpha = alpha;
        context.fillRect(left, area.y, Math.max(1, right - left), area.h);
      };
      context.fillStyle = page.color('fault');
      const episodes = lane.episodes.length > 0;
      fill(lane.from_s, lane.to_s, episodes ? 0.05 : 0.1);
      for (const [from, to] of lane.episodes) if (to > view.from && from < view.to) fill(from, to, 0.1);
    }
    context.globalAlpha = 1;
  };

  // Draws single requests; where those that failed are.
  const dots = (context, area, graph, kept) => {
    const crosses = [];
    const scale = (value) => graph.toDomYCoord(Math.max(value, 1e-6));
    const begin = page.first_at(kept.rows, view.from * 1e6, (row) => row[0]);
    const end = page.first_at(kept.rows, view.to * 1e6, (row) => row[0]);
    const size = end - begin > 1500 ? 1.1 : end - begin > 400 ? 1.6 : 2.2;
    const good = page.color('main'), bad = page.color('bad1');
    const step = Math.max(1, Math.ceil((end - begin) / DOTS));
    for (let i = begin; i < end; i++) {
      const [due, latency, error] = kept.rows[i];
      if (error === 0 && (i % step !== 0)) continue;
      const x = graph.toDomXCoord(due / 1e6);
      context.fillStyle = error ? bad : good;
      context.globalAlpha = error ? 0.9 : 0.4;
      const y = latency < 0 ? area.y + 4 : scale(latency / 1000);
      if (error) {  // a cross: told from the others without colours, too
        crosses.push([x, y]);
        context.fillRect(x - size - 0.6, y - 0.7, 2 * size + 1.2, 1.4);
        context.fillRect(x - 0.7, y - size - 0.6, 1.4, 2 * size + 1.2);
      } else {
        context.beginPath();
        context.arc(x, y, size, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
    return crosses;
  };

  // Where a bound's text stands: at its line, above or below, where it covers least. What is taken by another text counts
  // most, then each cross of a request that failed; of equals the first, on the line's left end.
  const LETTERS = 11, AROUND = 3;  // px: a text's height, and the room that is left around it
  const place_text = ({ left, right, y, wide }, area, taken, crosses) => {
    const [low, high] = [area.y + LETTERS, area.y + area.h - 3];
    const first = Math.min(left + 4, area.x + area.w - wide - 2), last = Math.max(first, right - wide - 4);
    const near = crosses.filter(([, b]) => Math.abs(b - y) < 2 * (LETTERS + AROUND));  // there may be tens of thousands
    let best = null;
    for (let n = 0; n <= 6; n++)
      for (const base of [y - 4, y + LETTERS + 1]) {
        const x = first + n / 6 * (last - first);
        const covers = ([a, b], by = 0) => a > x - AROUND - by && a < x + wide + AROUND && b > base - LETTERS - AROUND &&
          b < base + AROUND + (by ? LETTERS : 0);
        let cost = base < low || base > high ? 1e6 : 0;
        for (const [a, w, b] of taken) if (covers([a, b], w)) cost += 1e4;
        for (const one of near) if (covers(one)) cost++;
        if (best === null || cost < best.cost) best = { x, base: Math.min(Math.max(base, low), high), cost };
      }
    return best;
  };

  // Over the curves: one that runs along a bound must not hide it, and is seen between its dashes.
  const bounds = (context, area, graph, chart, crosses) => {
    context.save();
    context.font = `${LETTERS}px system-ui, "Liberation Sans", sans-serif`;
    const shown = [], taken = [];
    for (const bound of chart.bounds) {
      const left = Math.max(area.x, graph.toDomXCoord(bound.from_s));
      const right = Math.min(area.x + area.w, graph.toDomXCoord(bound.to_s));
      if (right <= left) continue;
      const y = graph.toDomYCoord(bound.value);
      const color = page.color(bound.held === false ? 'red' : bound.held ? 'green' : 'amber');
      context.strokeStyle = color;
      context.lineWidth = 1.5;
      context.setLineDash([6, 4]);
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.stroke();
      shown.push({ bound, left, right, y, color });
    }
    for (const one of shown) {
      const wide = context.measureText(one.bound.text).width;
      if (wide > one.right - one.left && one.bound.held !== false) continue;  // there is no room for what matters less
      const { x, base } = place_text({ ...one, wide }, area, taken, crosses);
      taken.push([x, wide, base]);
      context.globalAlpha = 0.85;
      context.fillStyle = page.color('bg');
      context.fillRect(x - AROUND, base - LETTERS + 1, wide + 2 * AROUND, LETTERS + AROUND);
      context.globalAlpha = 1;
      context.fillStyle = one.color;
      context.fillText(one.bound.text, x, base);
    }
    context.restore();
  };

  // ---- curves: rows of cells, of which each begins at its point and ends at the next one's; the last point only ends ----

  const DASHES = [[], [7, 3], [2, 3]];

  // Tells each span [from, to) of cells in which all `curves` have a value.
  const spans = (curves, act) => {
    const cells = curves[0].length - 1;
    let begun = null;
    for (let i = 0; i <= cells; i++) {
      const there = i < cells && curves.every((points) => Number.isFinite(points[i].canvasy));
      if (there && begun === null) begun = i;
      if (there || begun === null) continue;
      act(begun, i);
      begun = null;
    }
  };
  // The corners of a curve through these cells.
  const steps = (points, from, to) => {
    const corners = [];
    for (let i = from; i < to; i++)
      corners.push([points[i].canvasx, points[i].canvasy], [points[i + 1].canvasx, points[i].canvasy]);
    return corners;
  };
  const along = (context, corners) => corners.forEach(([x, y], n) => context[n ? 'lineTo' : 'moveTo'](x, y));

  const line = (width, dash) => (e) => {
    const context = e.drawingContext;
    context.strokeStyle = e.color;
    context.lineWidth = width;
    context.setLineDash(DASHES[dash]);
    context.beginPath();
    spans([e.points], (from, to) => along(context, steps(e.points, from, to)));
    context.stroke();
  };

  // An area that is hatched: what a dashed line is among lines.
  const hatched = (context, color) => {
    const tile = document.createElement('canvas');
    tile.width = tile.height = 6;
    const pen = tile.getContext('2d');
    pen.strokeStyle = color;
    pen.lineWidth = 2;
    pen.beginPath();
    for (const at of [-6, 0, 6]) {
      pen.moveTo(at - 1, 7);
      pen.lineTo(at + 7, -1);
    }
    pen.stroke();
    return context.createPattern(tile, 'repeat');
  };

  // Fills between two curves, where both have a value.
  const between = (context, upper, lower) => {
    context.beginPath();
    spans([upper, lower], (from, to) => {
      along(context, [...steps(upper, from, to), ...steps(lower, from, to).reverse()]);
      context.closePath();
    });
    context.fill();
  };

  // Between a series and the next one.
  const band = (e) => {
    e.drawingContext.fillStyle = e.color;
    e.drawingContext.globalAlpha = 0.16;
    between(e.drawingContext, e.allSeriesPoints[e.seriesIndex + 1], e.points);
  };

  // On top of the one before; a pale one has a line above it, which is what can be read.
  const stack = (pale, dash) => (e) => {
    const context = e.drawingContext, ground = e.dygraph.toDomYCoord(0);
    const below = e.seriesIndex > 0 ? e.allSeriesPoints[e.seriesIndex - 1]
      : e.points.map((point) => ({ canvasx: point.canvasx, canvasy: ground }));
    context.fillStyle = dash > 0 ? hatched(context, e.color) : e.color;
    context.globalAlpha = pale ? 0.25 : 0.85;
    between(context, e.points, below);
    context.globalAlpha = 1;
    if (pale) line(1.4, 0)(e);
  };

  // What is missing from 100 % is what hurts: it is filled, from above.
  const missing = (e) => {
    const context = e.drawingContext, top = e.dygraph.toDomYCoord(1);
    context.fillStyle = page.color('bad1');
    context.globalAlpha = 0.5;
    context.beginPath();
    spans([e.points], (from, to) => {
      for (let i = from; i < to; i++) {
        const { canvasx: x, canvasy: y, yval } = e.points[i];
        if (yval < 1) context.rect(x, top, e.points[i + 1].canvasx - x, Math.max(1.5, y - top));
      }
    });
    context.fill();
    context.globalAlpha = 1;
    line(1.4, 0)(e);
  };

  // How each look is drawn.
  const looks = {
    line: (series) => line(1.8, series.dash),
    thin: (series) => line(1.4, series.dash),
    floor: () => band,
    area: () => missing,
    stack: (series) => stack(false, series.dash),
    pale: (series) => stack(true, series.dash),
  };

  // A piece of a series, for the legend.
  const swatch = (canvas, series) => {
    const [wide, high, fine] = [18, 10, window.devicePixelRatio || 1];
    canvas.width = wide * fine;
    canvas.height = high * fine;
    const context = canvas.getContext('2d'), color = page.color(series.tone);
    context.scale(fine, fine);
    const filled = !['line', 'thin', 'area'].includes(series.look);
    const at = filled && series.look !== 'pale' ? -high : filled ? 1 : high / 2;
    const point = (x) => ({ canvasx: x, canvasy: at, yval: 1 });
    if (filled) {
      context.globalAlpha = series.look === 'stack' ? 0.85 : 0.25;
      context.fillStyle = series.dash > 0 ? hatched(context, color) : color;
      context.fillRect(0, 0, wide, high);
      context.globalAlpha = 1;
    }
    const draw = line(series.look === 'thin' ? 1.4 : 2, series.dash);
    draw({ drawingContext: context, color, points: [point(0), point(wide)] });
  };

  return { faults, dots, bounds, place_text, plotter: (series) => looks[series.look](series), swatch };
})();
