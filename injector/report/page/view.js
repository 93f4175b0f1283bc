// What is looked at: the span of time that all drawings show, the instant under the pointer, and the moment whose
// requests are listed. Whoever draws listens here; whoever is clicked tells it here.
page.view = (() => {
  const until = page.data.until_s || 1;
  const listeners = [];
  let pending = new Set();
  const view = {
    gutter: 62, right: 8,  // of every drawing, so that all are aligned
    from: 0, to: until, cursor: null, chosen: null, probe: null,

    listen: (listener) => listeners.push(listener),
    tell: (what) => {
      if (pending.size === 0) requestAnimationFrame(view.flush);
      pending.add(what);
    },
    flush: () => {
      const changes = pending;
      pending = new Set();
      if (changes.size > 0) for (const listener of listeners) listener(changes);
    },

    show: (from, to) => {
      const least = Math.min(0.02, until);
      let width = Math.min(Math.max(to - from, least), until);
      from = Math.min(Math.max(from, 0), until - width);
      if (from === view.from && from + width === view.to) return;
      [view.from, view.to] = [from, from + width];
      view.tell('window');
    },
    all: () => view.show(0, until),
    zoom: (factor, around = view.cursor) => {
      if (around === null || around < view.from || around > view.to) around = (view.from + view.to) / 2;
      view.show(around - (around - view.from) * factor, around + (view.to - around) * factor);
    },
    pan: (share) => {
      const by = share * (view.to - view.from);
      view.show(view.from + by, view.to + by);
    },
    point: (t) => {
      view.cursor = t === null ? null : Math.min(Math.max(t, 0), until);
      view.tell('cursor');
    },
    choose: (span, probe = null) => {
      [view.chosen, view.probe] = [span, probe];
      view.tell('chosen');
    },

    inner: () => Math.max(50, document.getElementById('plots').clientWidth - view.gutter - view.right),
    x: (t) => view.gutter + (t - view.from) / (view.to - view.from) * view.inner(),
    time_at: (x) => view.from + (x - view.gutter) / view.inner() * (view.to - view.from),
    // A span of time about as wide as a fingertip or a cell, that a click at `t` means.
    around: (t, cell = 0) => {
      const wide = Math.max(cell, (view.to - view.from) / 120, 0.001);
      const from = cell >= wide ? Math.floor(t / cell) * cell : t - wide / 2;
      return [Math.max(0, from), Math.min(until, from + wide)];
    },
  };
  if (window.innerWidth <= 640) view.gutter = 48;
  return view;
})();
