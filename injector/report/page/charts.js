// The charts: each of page.data.charts, with dygraphs for axes, scales and the part that is looked at, and paint.js for
// what is drawn there. They are made when they come into sight.
page.charts = (() => {
  const view = page.view;
  // Of the library's plug-ins the two that are needed. (Its legend would want style attributes, which the page's
  // security policy refuses.)
  Dygraph.PLUGINS = Dygraph.PLUGINS.filter((plugin) => [Dygraph.Plugins.Axes, Dygraph.Plugins.Grid].includes(plugin));

  const requests = new Map(page.data.requests.map((one) => [one.probe, one]));

  const is_stack = (series) => series.look === 'stack' || series.look === 'pale';

  // A row for the beginning of each cell, and one for where the last cell ends. What is stacked stands on the one before.
  const rows_of = (chart) => {
    const rows = [], cells = chart.series[0].values.length;
    for (let i = 0; i <= cells; i++) {
      let height = 0;
      rows.push([Math.min(i * chart.cell_s, page.data.until_s), ...chart.series.map((one) => {
        const value = one.values[Math.min(i, cells - 1)];
        return value === null || !is_stack(one) ? value : (height += value);
      })]);
    }
    return rows;
  };

  // Where a chart's values lie, whatever part of it is shown: a curve that jumps when one zooms is hard to read.
  const range_of = (chart) => {
    if (chart.unit === 'share') return [-0.04, 1.08];
    const all = [];
    const height = chart.series[0].values.map(() => 0);
    for (const series of chart.series)
      series.values.forEach((value, i) => {
        if (value === null) return;
        height[i] += value;
        all.push(is_stack(series) ? height[i] : value);
      });
    for (const bound of chart.bounds) all.push(bound.value);
    if (chart.unit === 'number') {  // of whatever size, and below 0, too
      const low = Math.min(0, ...all), high = Math.max(0, ...all), room = 0.12 * (high - low || 1);
      return [low < 0 ? low - room : 0, high + room];
    }
    if (chart.unit !== 'ms') return [0, all.reduce((a, b) => Math.max(a, b), 1e-9) * 1.12];
    const kept = requests.get(chart.probe);
    if (kept) for (const row of kept.rows) if (row[1] > 0) all.push(row[1] / 1000);
    let low = Infinity, high = 0;
    for (const value of all) if (value > 0) { low = Math.min(low, value); high = Math.max(high, value); }
    if (high === 0) return [0.1, 10];
    return [low / 1.4, Math.max(high * 1.5, low * 4)];
  };

  // A chart and what belongs to it on the page.
  class Drawn {
    constructor(chart) {
      this.chart = chart;
      this.crosses = [];
      this.plot = page.element('div', { class: `plot ${chart.probe ? chart.id : 'other'}${chart.low ? ' low' : ''}`, role: 'img' });
      this.readings = chart.series.map((series) => {
        const swatch = page.element('canvas', { 'aria-hidden': 'true' }), value = page.element('strong');
        const reading = page.element('span', { class: 'reading' }, swatch, series.name, value);
        return { reading, swatch, value };
      });
      const said = chart.bounds.map((bound) => `${bound.text} ${bound.held === false ? '✗' : bound.held ? '✓' : '?'}`);
      const caption = page.element('figcaption', { title: chart.about }, page.element('b', {}, chart.title),
        ...this.readings.map((one) => one.reading));
      this.figure = page.element('figure', {}, caption, this.plot);
      this.plot.setAttribute('aria-label', `${chart.title}: ${chart.about}. ${this.summary()}` +
        (said.length ? ` Bounds: ${said.join(', ')}.` : ''));
      this.tint();
    }

    // For those who hear the page: what the curves come to.
    summary() {
      return this.chart.series.map((series) => {
        const values = series.values.filter((value) => value !== null);
        if (values.length === 0) return `${series.name}: nothing`;
        const low = values.reduce((a, b) => Math.min(a, b)), high = values.reduce((a, b) => Math.max(a, b));
        return `${series.name} from ${page.write.value(this.chart.unit, low)} to ` +
          `${page.write.value(this.chart.unit, high)}`;
      }).join('; ') + '.';
    }

    tint() {
      this.chart.series.forEach((series, i) => { page.paint.swatch(this.readings[i].swatch, series); });
    }

    options() {
      const chart = this.chart, series = {};
      for (const one of chart.series)
        series[one.name] = { plotter: page.paint.plotter(one), color: page.color(one.tone) };
      return {
        labels: ['t', ...chart.series.map((one) => one.name)],
        series,
        logscale: chart.unit === 'ms',
        valueRange: range_of(chart),
        dateWindow: [view.from, view.to],
        interactionModel: {}, highlightCircleSize: 0, showRoller: false, animatedZooms: false,
        xRangePad: 0, rightGap: view.right, gridLineColor: page.color('grid'), axisLineColor: page.color('line'),
        underlayCallback: (context, area, graph) => {
          page.paint.faults(context, area, graph);
          const kept = chart.id === 'latency' && requests.get(chart.probe);
          this.crosses = kept ? page.paint.dots(context, area, graph, kept) : [];
        },
        plugins: [{ activate: () => ({ didDrawChart: ({ drawingContext, dygraph }) => {
          const { x, y, w, h } = dygraph.getArea();
          page.paint.bounds(drawingContext, { x, y, w, h }, dygraph, chart, this.crosses);
        } }) }],
        axes: {
          x: { drawAxis: false, drawGrid: true, axisLabelFormatter: (t) => page.write.time(t, 0.1) },
          y: {
            axisLabelWidth: view.gutter - 6, axisTickSize: 3, pixelsPerLabel: chart.low ? 16 : 28, drawGrid: true,
            axisLabelFormatter: (value) => page.write.tick(chart.unit, value),
            ...(chart.unit === 'share' ? { ticker: () => [0, 0.5, 1].map((v) => ({ v, label: `${100 * v} %` })) } : {}),
          },
        },
      };
    }

    make() {
      if (this.graph) return;
      this.graph = new Dygraph(this.plot, rows_of(this.chart), this.options());
      this.plot.querySelectorAll('canvas').forEach((canvas) => canvas.setAttribute('aria-hidden', 'true'));
      this.plot.querySelectorAll('.dygraph-axis-label').forEach((label) => label.setAttribute('aria-hidden', 'true'));
    }

    // Draws anew what is in sight; what is not, waits until it is.
    refresh(all = false) {
      this.stale = true;
      if (!this.seen && !all) return;
      this.make();
      this.graph.updateOptions({ dateWindow: [view.from, view.to] });
      this.stale = false;
    }
    repaint() {
      this.tint();
      if (!this.graph) return;
      this.graph.destroy();
      this.graph = null;
      this.refresh();
    }
    resize() {
      if (this.graph) this.graph.resize();
    }
    read(t) {
      const cell = t === null ? -1 : Math.min(Math.floor(t / this.chart.cell_s), this.chart.series[0].values.length - 1);
      this.chart.series.forEach((series, i) => {
        this.readings[i].value.textContent = cell < 0 ? '' : page.write.value(this.chart.unit, series.values[cell]);
      });
    }
  }

  const drawn = page.data.charts.map((chart) => new Drawn(chart));
  const by_plot = new Map(drawn.map((one) => [one.figure, one]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      const one = by_plot.get(entry.target);
      one.seen = entry.isIntersecting;
      if (one.seen && (one.stale || !one.graph)) one.refresh();
      if (one.seen) one.read(view.cursor);
    }
  }, { rootMargin: '200px' });
  for (const one of drawn) watcher.observe(one.figure);

  // In spare time also what is out of sight: a browser prints what it has shown once, and nothing drawn for it alone.
  const SPARE = 80;  // a canvas takes memory
  const spare_time = window.requestIdleCallback || ((act) => setTimeout(act, 50));
  let waiting = null;
  const behind = () => drawn.slice(0, SPARE).find((one) => one.stale || !one.graph);
  const catch_up = () => {
    const one = behind();
    if (!one || waiting) return;
    one.refresh(true);
    spare_time(catch_up);
  };
  const later = () => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      waiting = null;
      spare_time(catch_up);
    }, 400);
  };
  later();

  view.listen((changes) => {
    if (changes.has('window')) later();
    for (const one of drawn) {
      if (changes.has('window')) one.refresh();
      if (changes.has('cursor') && one.seen) one.read(view.cursor);
    }
  });
  return {
    figures: drawn.map((one) => one.figure),
    of: (element) => by_plot.get(element.closest('figure')),
    are_drawn: () => behind() === undefined,
    repaint: () => {
      for (const one of drawn) one.repaint();
      later();
    },
    resize: () => { for (const one of drawn) one.resize(); },
  };
})();
