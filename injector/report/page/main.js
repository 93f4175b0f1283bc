// Puts the parts together: the tools, the pointer, the keys, paper, the colours of day and night.
(() => {
  const view = page.view, make = page.element;
  const course = document.getElementById('course');

  const over = (name) => {
    const made = make('div', { class: `over ${name}` });
    made.hidden = true;
    return made;
  };
  const [cursor, drag, chosen] = [over('cursor'), over('drag'), over('chosen')];
  const plots = make('div', {
    id: 'plots', tabindex: '0', role: 'application', 'aria-label': 'Timeline and charts over time',
    'aria-describedby': 'keys',
  }, page.timeline.host, ...page.charts.figures, cursor, drag, chosen);

  const window_said = make('output', { 'aria-live': 'polite' });
  const button = (text, label, act) => {
    const made = make('button', { type: 'button', 'aria-label': label, title: label }, text);
    made.addEventListener('click', act);
    return made;
  };
  const tools = make('div', { class: 'tools', role: 'toolbar', 'aria-label': 'Part of the run that is shown' },
    button('+', 'Zoom in', () => view.zoom(0.5)), button('−', 'Zoom out', () => view.zoom(2)),
    button('◀', 'Earlier', () => view.pan(-0.5)), button('▶', 'Later', () => view.pan(0.5)),
    button('Whole run', 'Show the whole run', view.all),
    ...page.data.phases.slice(0, 8).map((phase) => button(phase.phase, `Show ${phase.phase}`, () => {
      const margin = 0.08 * (phase.end_s - phase.start_s);
      view.show(phase.start_s - margin, phase.end_s + margin);
    })), window_said);
  const keys = make('p', { class: 'key keys', id: 'keys' });
  for (const [names, what] of [[['drag'], 'a span to zoom into it, '], [['click'], 'a moment for its requests. Keys: '],
    [['←', '→'], 'move the cursor, '], [['+', '−'], 'zoom, '], [['Shift', '← →'], 'pan, '],
    [['Enter'], 'list the requests, '], [['0'], 'the whole run, '], [['Esc'], 'back.']]) {
    names.forEach((name) => keys.append(make('kbd', {}, name), ' '));
    keys.append(what);
  }
  const left_out = page.data.probes_left_out;
  const without_charts = left_out > 0 ? [make('p', { class: 'key' },
    `${left_out} more probe${left_out === 1 ? ' has' : 's have'} no charts here, for want of room; the table below has all.`)] : [];
  course.append(tools, plots, ...without_charts, keys);
  document.body.append(page.moment.host);

  // ---- what lies over all drawings ----

  const place = (what, from, to) => {
    const left = Math.max(view.gutter, view.x(from)), right = Math.min(view.gutter + view.inner(), view.x(to));
    what.hidden = right < left;
    what.style.left = `${left}px`;
    what.style.width = `${Math.max(1, right - left)}px`;
  };
  view.listen((changes) => {
    if (changes.has('window')) {
      const step = (view.to - view.from) / 100;
      window_said.textContent = `${page.write.time(view.from, step)} to ${page.write.time(view.to, step)}`;
    }
    if (view.cursor === null) cursor.hidden = true;
    else place(cursor, view.cursor, view.cursor);
    if (view.chosen === null) chosen.hidden = true;
    else place(chosen, ...view.chosen);
  });

  // ---- the pointer: a mouse drags a span to zoom into, a finger moves it, two fingers zoom ----

  const at = (event) => view.time_at(event.clientX - plots.getBoundingClientRect().left);
  const pointers = new Map();
  let begun = null, pinch = null;
  const inside = (event) => event.target.closest('.plot, #lanes') !== null;

  plots.addEventListener('pointerdown', (event) => {
    if (!inside(event) || event.button !== 0) return;
    pointers.set(event.pointerId, event.clientX);
    begun = { x: event.clientX, t: at(event), from: view.from, to: view.to, moved: false, target: event.target };
    if (pointers.size === 2) {
      const [a, b] = pointers.values();
      pinch = { wide: Math.abs(a - b) || 1, from: view.from, to: view.to, t: view.time_at((a + b) / 2 -
        plots.getBoundingClientRect().left) };
      begun.moved = true;
    }
    if (event.pointerType === 'mouse') plots.setPointerCapture(event.pointerId);
  });
  plots.addEventListener('pointermove', (event) => {
    if (inside(event) || begun) view.point(at(event));
    if (!pointers.has(event.pointerId)) return;
    pointers.set(event.pointerId, event.clientX);
    if (pointers.size === 2 && pinch) {
      const [a, b] = pointers.values(), factor = pinch.wide / (Math.abs(a - b) || 1);
      view.show(pinch.t - (pinch.t - pinch.from) * factor, pinch.t + (pinch.to - pinch.t) * factor);
    } else if (Math.abs(event.clientX - begun.x) > 4 || begun.moved) {
      begun.moved = true;
      if (event.pointerType === 'mouse') place(drag, Math.min(begun.t, at(event)), Math.max(begun.t, at(event)));
      else {
        const by = (event.clientX - begun.x) / view.inner() * (begun.to - begun.from);
        view.show(begun.from - by, begun.to - by);
      }
    }
  });
  const end = (event, taken) => {
    if (!pointers.delete(event.pointerId) || !begun) return;
    drag.hidden = true;
    const one = begun;
    if (pointers.size === 0) begun = pinch = null;
    if (!taken || pointers.size > 0) return;
    if (!one.moved) {
      const drawn = page.charts.of(one.target);
      view.choose(view.around(one.t, drawn ? drawn.chart.cell_s : 0), drawn ? drawn.chart.probe || null : null);
    } else if (event.pointerType === 'mouse') {
      view.show(Math.min(one.t, at(event)), Math.max(one.t, at(event)));
    }
  };
  plots.addEventListener('pointerup', (event) => end(event, true));
  plots.addEventListener('pointercancel', (event) => end(event, false));
  plots.addEventListener('pointerleave', () => { if (!begun) view.point(null); });
  plots.addEventListener('dblclick', () => {
    view.choose(null);
    view.all();
  });
  plots.addEventListener('wheel', (event) => {
    if (!event.ctrlKey && !event.metaKey) return;  // the page scrolls as ever
    event.preventDefault();
    view.zoom(event.deltaY > 0 ? 1.25 : 0.8, at(event));
  }, { passive: false });

  // ---- the keys ----

  const step = (by) => {
    const t = view.cursor ?? (view.from + view.to) / 2, next = t + by * (view.to - view.from) / 60;
    view.point(next);
    if (next < view.from || next > view.to) view.pan(by > 0 ? 0.5 : -0.5);
  };
  plots.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const acts = {
      ArrowLeft: () => (event.shiftKey ? view.pan(-0.25) : step(-1)),
      ArrowRight: () => (event.shiftKey ? view.pan(0.25) : step(1)),
      '+': () => view.zoom(0.5), '=': () => view.zoom(0.5), '-': () => view.zoom(2), '−': () => view.zoom(2),
      0: view.all, Home: view.all,
      Enter: () => view.choose(view.around(view.cursor ?? (view.from + view.to) / 2)),
    };
    const act = acts[event.key];
    if (!act) return;
    event.preventDefault();
    act();
  });
  document.addEventListener('keydown', (event) => {
    if (event.key !== 'Escape') return;
    if (view.chosen) page.moment.close();
    else view.all();
  });

  // ---- from a broken hypothesis to where it broke ----

  for (const card of document.querySelectorAll('.card[data-from]')) {
    const [from, to] = [Number(card.dataset.from), Number(card.dataset.to)], first = card.dataset.at;
    const show = make('button', { type: 'button' }, 'Show it in the timeline');
    show.addEventListener('click', () => {
      const margin = 0.1 * (to - from);
      view.show(from - margin, to + margin);
      if (first !== undefined) view.choose(view.around(Number(first)), card.dataset.probe || null);
      course.scrollIntoView({ behavior: matchMedia('(prefers-reduced-motion: reduce)').matches ? 'auto' : 'smooth' });
      plots.focus({ preventScroll: true });
    });
    card.append(make('p', {}, show));
  }

  // ---- day and night, width, paper ----

  const resized = () => {
    view.tell('window');
    page.charts.resize();
  };
  new ResizeObserver(resized).observe(plots);
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', page.charts.repaint);
  // On paper all is as it is on the screen, smaller: what would be drawn anew for it comes too late for the printer.
  window.addEventListener('beforeprint', () => {
    const wide = plots.clientWidth;
    plots.style.width = `${wide}px`;
    plots.style.zoom = Math.min(1, 700 / wide);  // as wide as A4 is within its margins
  });
  window.addEventListener('afterprint', () => {
    plots.style.width = plots.style.zoom = '';
    resized();
  });
  page.timeline.draw();
  view.tell('window');
})();
