// What a click shows: the requests that were due in a moment, those that failed first, with what else happened then.
page.moment = (() => {
  const view = page.view, make = page.element;
  const MOST = 200;
  const host = make('section', { id: 'moment', role: 'region', 'aria-label': 'Requests of a moment', tabindex: '-1' });
  host.hidden = true;

  // Rows of what the page keeps of a probe's requests, as objects.
  const requests_in = ([from, to], kept) => {
    const found = [];
    for (let i = page.first_at(kept.rows, from * 1e6, (row) => row[0]); i < kept.rows.length; i++) {
      const [due, latency, error, count] = kept.rows[i];
      if (due >= to * 1e6) break;
      found.push({ probe: kept.probe, due: due / 1e6, latency, error: kept.errors[error], failed: error > 0, count });
    }
    return found;
  };

  const faults_in = ([from, to]) => page.data.lanes.filter((lane) =>
    lane.from_s < to && lane.to_s > from &&
    (lane.episodes.length === 0 || lane.episodes.some(([a, b]) => a < to && b > from)));

  // As the tables of the page (table.h): each cell has its column's heading, for a screen too narrow for columns.
  const cell = (label, look, text) =>
    make('td', { ...(look ? { class: look } : {}), 'data-label': label }, ...(text ? [text] : []));
  const row = (one) => make('tr', {},
    cell('time', 'n name', page.write.time(one.due, 0.001)),
    cell('probe', '', one.probe),
    cell('outcome', one.failed ? 'broken' : 'held', one.failed ? `✗ ${one.error}` : '✓ ok'),
    cell('latency', 'n', one.latency < 0 ? 'not recorded' : page.write.milliseconds(one.latency / 1000)),
    cell('detail', '', one.count > 1 ? `${one.count} alike` : ''));

  const close = () => {
    view.choose(null);
    document.getElementById('plots').focus({ preventScroll: true });
  };

  const fill = () => {
    const span = view.chosen;
    host.hidden = !span;
    if (!span) return;
    const kept = page.data.requests.filter((one) => view.probe === null || one.probe === view.probe);
    const found = kept.flatMap((one) => requests_in(span, one));
    found.sort((a, b) => b.failed - a.failed || a.due - b.due);
    const shown = found.slice(0, MOST).sort((a, b) => a.due - b.due);
    const failed = found.reduce((sum, one) => sum + (one.failed ? one.count : 0), 0);
    const all = found.reduce((sum, one) => sum + one.count, 0);
    const sampled = kept.some((one) => one.all > one.rows.reduce((sum, r) => sum + r[3], 0));
    const step = Math.min(1, (span[1] - span[0]) / 2);
    const title = make('h3', {}, `Requests from ${page.write.time(span[0], step)} to ${page.write.time(span[1], step)}` +
      (view.probe ? ` of ${view.probe}` : ''));
    const done = make('button', { type: 'button', 'aria-label': 'Close the list of requests' }, 'Close (Esc)');
    done.addEventListener('click', close);
    const faults = faults_in(span).map((lane) => lane.name), marks = page.data.marks.filter((mark) =>
      mark.at_s < span[1] && (mark.until_s ?? mark.at_s) >= span[0]);
    const about = make('p', { class: 'dim' },
      `${all} requests${sampled ? ' of those that this page keeps' : ''}, ${failed} failed. ` +
      (faults.length ? `In force: ${faults.join(', ')}.` : 'No fault was in force.') +
      (found.length > MOST ? ` The first ${MOST} are listed, failures before others; the journal has all.` : ''));
    const head = make('thead', {}, make('tr', {}, ...['time', 'probe', 'outcome', 'latency', 'detail'].map((name) =>
      make('th', { scope: 'col', ...(name === 'time' || name === 'latency' ? { class: 'n' } : {}) }, name))));
    const table = make('table', {}, head, make('tbody', {}, ...shown.map(row)));
    host.replaceChildren(make('header', {}, title, done), about,
      ...marks.slice(0, 20).map((mark) => make('p', {}, `${page.write.time(mark.at_s, 0.1)} ${mark.kind}: ${mark.text}`)),
      make('div', { class: 'wide' }, table));
    host.scrollTop = 0;
  };
  view.listen((changes) => { if (changes.has('chosen')) fill(); });
  return { host, close };
})();
