// The report's page, in the browser. What it draws is data (docs/report-data.md) that a server may as well send; what
// must be read without a script stands in the HTML already. This file: the data, and how quantities are written.
'use strict';

const page = {};

page.data = JSON.parse(document.getElementById('run').textContent);

page.write = (() => {
  // Three figures, as the rest of Faultline writes them.
  const figures = (value) => {
    if (value === 0) return '0';
    const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value))));
    return value.toFixed(Math.min(digits, 6));
  };
  const milliseconds = (ms) =>
    ms < 1 ? `${figures(ms * 1000)} µs` : ms < 1000 ? `${figures(ms)} ms` : `${figures(ms / 1000)} s`;
  const scaled = (value) => {
    for (const [unit, name] of [[1e9, 'G'], [1e6, 'M'], [1e3, 'k']])
      if (Math.abs(value) >= unit) return `${figures(value / unit)}${name}`;
    return figures(value);
  };
  const units = {
    share: (value) => (value === 1 ? '100 %' : value === 0 ? '0 %' : `${(100 * value).toFixed(1)} %`),
    ms: milliseconds,
    per_s: (value) => `${scaled(value)}/s`,
    bytes_per_s: (value) => `${scaled(value)}B/s`,
  };
  return {
    milliseconds,
    value: (unit, value) => (value === null || value === undefined || Number.isNaN(value) ? '–'
      : (units[unit] || scaled)(value)),
    // On an axis: shorter.
    tick: (unit, value) => {
      if (unit === 'share') return `${Math.round(100 * value)} %`;
      if (unit === 'ms')
        return value < 1 ? `${+(value * 1000).toPrecision(2)} µs` : value < 1000 ? `${+value.toPrecision(2)} ms`
          : `${+(value / 1000).toPrecision(2)} s`;
      return scaled(value).replace(/\.0+(?=\D|$)/, '');
    },
    // An instant since T0; `step` is how far apart two may be.
    time: (s, step = 1) => {
      const digits = step >= 1 ? 0 : Math.min(3, Math.ceil(-Math.log10(step)));
      if (page.data.until_s < 300) return `${s.toFixed(digits)} s`;
      const minutes = Math.floor(s / 60 + 1e-9), rest = Math.max(0, s - 60 * minutes);
      return `${minutes}:${rest.toFixed(digits).padStart(digits ? digits + 3 : 2, '0')}`;
    },
  };
})();

// A colour of page.css, as it is now.
page.color = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim() || '#888';

page.element = (tag, attributes = {}, ...children) => {
  const svg = ['svg', 'g', 'rect', 'line', 'text', 'path', 'title'].includes(tag);
  const made = svg ? document.createElementNS('http://www.w3.org/2000/svg', tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
};

// The first index of `list` whose `of` is not below `value`.
page.first_at = (list, value, of) => {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (of(list[middle]) < value) low = middle + 1;
    else high = middle;
  }
  return low;
};
