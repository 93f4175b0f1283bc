// The timeline: phases, a row for each fault with its episodes, what else happened, and the time. Drawn anew for every
// span that is looked at.
page.timeline = (() => {
  const view = page.view, data = page.data, make = page.element;
  const ROW = 22, MARKS = 18;
  const host = make('div', { id: 'lanes' });
  // What happened, in rows by how much it matters.
  const rows = [
    { name: 'stops', kinds: ['stop', 'guard'] },
    { name: 'not applied', kinds: ['escape', 'lapse', 'lost'] },
    { name: 'notes', kinds: ['note'] },
    { name: 'changes', kinds: ['fails', 'succeeds', 'value'] },
    { name: 'events', kinds: ['event'] },
    { name: 'recovered', kinds: ['recovered'] },
    { name: 'services', kinds: ['service'] },
    { name: 'warnings', kinds: ['warning'] },
  ].map((row) => ({ ...row, marks: data.marks.filter((mark) => row.kinds.includes(mark.kind)) }))
    .filter((row) => row.marks.length > 0);

  const text_width = (() => {
    const context = document.createElement('canvas').getContext('2d');
    return (text, font = '600 11.5px system-ui, "Liberation Sans", sans-serif') => {
      context.font = font;
      return context.measureText(text).width;
    };
  })();

  // 1, 2 or 5 times a power of ten, or a round part of a minute, so that about `count` steps make `span`.
  const round_step = (span, count) => {
    const rough = span / count;
    for (const step of [60, 120, 300, 600, 900, 1800, 3600]) if (rough > 25 && step >= rough) return step;
    const power = 10 ** Math.floor(Math.log10(rough));
    return [1, 2, 5, 10].map((factor) => factor * power).find((step) => step >= rough);
  };

  const clip = (from, to) => {
    const left = Math.max(view.x(from), view.gutter), right = Math.min(view.x(to), view.gutter + view.inner());
    return right >= left && to >= view.from && from <= view.to ? [left, right] : null;
  };
  const rect = (span, y, height, name) => make('rect', {
    class: name, x: span[0].toFixed(1), y, height, width: Math.max(2, span[1] - span[0]).toFixed(1), rx: 2,
  });

  const phase_row = (svg, y) => {
    let free = 0;
    for (const phase of data.phases) {
      if (phase.phase !== 'baseline' && phase.phase !== 'recovery') continue;
      const span = clip(phase.start_s, phase.end_s);
      if (!span) continue;
      const wide = text_width(phase.phase, '11px system-ui'), at = Math.max(free, (span[0] + span[1] - wide) / 2);
      svg.append(make('line', { class: 'phase-line', x1: span[0], x2: span[1], y1: y + 16, y2: y + 16 }));
      if (at + wide <= view.gutter + view.inner() + 4)
        svg.append(make('text', { class: 'phase', x: at.toFixed(1), y: y + 12 }, phase.phase));
      free = at + wide + 8;
    }
  };

  const lane = (one, y) => {
    const when = `${page.write.time(one.from_s, 0.1)} to ${page.write.time(one.to_s, 0.1)}`;
    const comes = one.episodes.length ? `, ${one.episodes.length} episodes` : '';
    const words = `fault ${one.name}: ${one.kind} on ${one.where}, ${when}${comes}; ${one.asked}`;
    const group = make('g', { class: 'lane', role: 'img', 'aria-label': words }, make('title', {}, words));
    const span = clip(one.from_s, one.to_s);
    if (!span) return group;
    const wide = text_width(one.name);
    if (one.episodes.length > 0) {
      group.append(rect(span, y + 3, ROW - 6, 'frame'));
      for (const [from, to] of one.episodes) {
        const part = clip(from, to);
        if (part) group.append(rect(part, y + 3, ROW - 6, 'acts'));
      }
    } else {
      group.append(rect(span, y + 3, ROW - 6, 'acts'));
    }
    // The name inside if it fits there and nothing comes and goes behind it, else on the side that has room.
    const end = view.gutter + view.inner();
    const inside = one.episodes.length === 0 && span[1] - span[0] > wide + 12;
    const before = !inside && span[1] + wide + 8 > end;
    const x = inside ? span[0] + 6 : before ? Math.max(view.gutter + 2, span[0] - wide - 6) : span[1] + 6;
    group.append(make('text', { class: inside ? 'in' : 'out', x: x.toFixed(1), y: y + ROW / 2 + 4 }, one.name));
    return group;
  };

  const words_of = (one) => `${one.kind} at ${page.write.time(one.at_s, 0.1)}: ${one.text}`;

  const shape = (ones, span, y, kind) => {
    const words = ones.map(words_of).join('\n');
    const x = span[0], middle = y + 9;
    return make('g', { role: 'img', 'aria-label': words }, make('title', {}, words),
      span[1] > span[0] ? rect(span, y + 4, 10, `mark ${kind}`) : make('path', {
        class: `mark ${kind}`, d: `M${x} ${middle - 6}L${x + 5} ${middle}L${x} ${middle + 6}L${x - 5} ${middle}Z`,
      }));
  };

  // A row's marks. Those that would lie upon one another are one, which has the texts of all and the look of the gravest;
  // what lasts is drawn as long as it is.
  const MARK = 10;
  const marks_of = (row, y) => {
    const shapes = [];
    let near = [], at = null;
    const close = () => {
      if (near.length === 0) return;
      const kind = row.kinds.find((name) => near.some((one) => one.kind === name));
      shapes.push(shape(near, [at, at], y, kind));
      near = [];
    };
    for (const one of row.marks) {
      const span = clip(one.at_s, one.until_s ?? one.at_s);
      if (!span) continue;
      if (span[1] - span[0] > MARK) {
        shapes.push(shape([one], span, y, one.kind));
        continue;
      }
      if (near.length > 0 && span[0] - at >= MARK) close();
      if (near.length === 0) at = span[0];
      near.push(one);
    }
    close();
    return shapes;
  };

  const axis = (svg, y, top) => {
    const count = Math.max(2, Math.floor(view.inner() / 90)), step = round_step(view.to - view.from, count);
    const group = make('g', { class: 'axis', 'aria-hidden': 'true' });
    for (let n = Math.ceil(view.from / step - 1e-9); n * step <= view.to + 1e-9; n++) {
      const x = view.x(n * step).toFixed(1);
      const anchor = x > view.gutter + view.inner() - 14 ? 'end' : 'middle';
      group.append(make('line', { x1: x, x2: x, y1: top, y2: y + 4 }),
        make('text', { class: 'tick', x, y: y + 15, 'text-anchor': anchor }, page.write.time(n * step, step)));
    }
    svg.prepend(group);
  };

  const draw = () => {
    const wide = view.gutter + view.inner() + view.right;
    const names = [];
    const svg = make('svg', { role: 'group', 'aria-label': 'Timeline: phases, faults and what else happened' });
    let y = 0;
    phase_row(svg, y);
    y += 20;
    for (const one of data.lanes) {
      svg.append(lane(one, y));
      y += ROW;
    }
    if (data.lanes_left_out > 0) {
      svg.append(make('text', { class: 'row-name', x: view.gutter, y: y + 12 },
        `and ${data.lanes_left_out} more faults, in the table below`));
      y += 18;
    }
    for (const row of rows) {
      names.push(make('text', { class: 'row-name', x: 0, y: y + 13 }, row.name));
      svg.append(...marks_of(row, y));
      y += MARKS;
    }
    svg.append(...names);
    axis(svg, y, 18);
    svg.setAttribute('viewBox', `0 0 ${wide} ${y + 20}`);
    svg.setAttribute('height', y + 20);
    host.replaceChildren(svg);
  };
  view.listen((changes) => { if (changes.has('window')) draw(); });
  return { host, draw };
})();
