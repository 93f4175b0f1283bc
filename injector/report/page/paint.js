// What dygraphs does not draw: the faults behind the curves, single requests, the bounds of hypotheses, bands.
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

  const dots = (context, area, graph, kept) => {
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
        context.fillRect(x - size - 0.6, y - 0.7, 2 * size + 1.2, 1.4);
        context.fillRect(x - 0.7, y - size - 0.6, 1.4, 2 * size + 1.2);
      } else {
        context.beginPath();
        context.arc(x, y, size, 0, 2 * Math.PI);
        context.fill();
      }
    }
    context.globalAlpha = 1;
  };

  const bounds = (context, area, graph, chart) => {
    context.font = '11px system-ui, "Liberation Sans", sans-serif';
    const taken = [];
    for (const bound of chart.bounds) {
      const left = Math.max(area.x, graph.toDomXCoord(bound.from_s));
      const right = Math.min(area.x + area.w, graph.toDomXCoord(bound.to_s));
      if (right <= left) continue;
      const y = graph.toDomYCoord(bound.value);
      const color = page.color(bound.held === false ? 'red' : bound.held ? 'green' : 'amber');
      context.strokeStyle = context.fillStyle = color;
      context.lineWidth = 1.5;
      context.setLineDash([6, 3]);
      context.beginPath();
      context.moveTo(left, y);
      context.lineTo(right, y);
      context.stroke();
      context.setLineDash([]);
      const wide = context.measureText(bound.text).width;
      if (wide > right - left && bound.held !== false) continue;  // there is no room for what matters less
      let place = y < area.y + 16 ? y + 12 : y - 4;
      const at = Math.min(left + 4, area.x + area.w - wide - 2);
      if (taken.some(([x, w, h]) => Math.abs(h - place) < 11 && at < x + w + 4 && x < at + wide + 4)) place = y + 12;
      taken.push([at, wide, place]);
      context.save();
      context.lineWidth = 3;
      context.strokeStyle = page.color('bg');
      context.strokeText(bound.text, at, place);
      context.fillText(bound.text, at, place);
      context.restore();
    }
  };

  // Fills between a series and the next one.
  const band = (e) => {
    const lower = e.points, upper = e.allSeriesPoints[e.seriesIndex + 1], context = e.drawingContext;
    context.fillStyle = e.color;
    context.globalAlpha = 0.16;
    let run = [];
    const close = () => {
      if (run.length > 0) {
        context.beginPath();
        run.forEach((i, n) => context[n ? 'lineTo' : 'moveTo'](upper[i].canvasx, upper[i].canvasy));
        for (const i of run.reverse()) context.lineTo(lower[i].canvasx, lower[i].canvasy);
        context.fill();
      }
      run = [];
    };
    for (let i = 0; i < lower.length; i++)
      if (Number.isFinite(lower[i].canvasy) && Number.isFinite(upper[i].canvasy)) run.push(i);
      else close();
    close();
    context.globalAlpha = 1;
  };

  // What is missing from 100 % is what hurts: it is filled, from above.
  const missing = (e) => {
    Dygraph.Plotters.linePlotter(e);
    const context = e.drawingContext, top = e.dygraph.toDomYCoord(1), half = Math.max(0.5, cell_px(e) / 2);
    context.fillStyle = page.color('bad1');
    context.globalAlpha = 0.5;
    for (const point of e.points)
      if (point.yval < 1) context.fillRect(point.canvasx - half, top, 2 * half, Math.max(1.5, point.canvasy - top));
    context.globalAlpha = 1;
  };
  const cell_px = (e) => (e.points.length > 1 ? e.points[1].canvasx - e.points[0].canvasx : e.plotArea.w);

  return { faults, dots, bounds, band, missing };
})();
