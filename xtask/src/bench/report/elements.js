'use strict';
const data = JSON.parse(document.getElementById('data').textContent);
const SVG = 'http://www.w3.org/2000/svg';

const fill = (element, attributes, children) => {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
};
const html = (name, attributes = {}, ...children) => fill(document.createElement(name), attributes, children);
const svg = (name, attributes = {}, ...children) => fill(document.createElementNS(SVG, name), attributes, children);
const id = (name) => document.getElementById(name);

// Three digits.
const number = (value) => value == null ? '–' : value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
const percent = (share) => `${Math.round(100 * share)} %`;
const share = (row) => row.rate / row.limit;
const isDepthwise = (row) => {
  const groups = /^\d+x\d+x(\d+)-.*g(\d+)$/.exec(row.shape);
  return row.op === 'conv' && groups !== null && groups[1] === groups[2];
};
const kind = (row) => isDepthwise(row) ? 'depthwise' : row.ns ? 'call' : row.op;
const unique = (values) => [...new Set(values)];

// What stands beside the pointer over an element.
const tip = (element, text) => {
  element.addEventListener('pointermove', (event) => {
    const box = id('tip');
    box.textContent = text;
    box.hidden = false;
    const left = Math.min(event.clientX + 14, innerWidth - box.offsetWidth - 8);
    const below = event.clientY + 16;
    const top = below + box.offsetHeight < innerHeight ? below : event.clientY - box.offsetHeight - 10;
    Object.assign(box.style, { left: `${left}px`, top: `${top}px` });
  });
  element.addEventListener('pointerleave', () => { id('tip').hidden = true; });
  return element;
};

const { machine, rows } = data;
const tiers = unique(rows.map((row) => row.isa));
const threads = unique(rows.map((row) => row.threads)).join(', ');
id('machine').textContent = `${machine.cpu}; ${machine.rustc}; commit ${machine.commit}; threads: ${threads}`;
const tile = (value, unit, name) => html('div', { class: 'tile' }, html('b', {}, `${number(value)} ${unit}`), html('span', {}, name));
const size = (bytes) => bytes < 2 ** 20 ? `${Math.round(bytes / 2 ** 10)} KiB` : `${Math.round(bytes / 2 ** 20)} MiB`;
id('limits').append(
  ...Object.entries(machine.peaks).map(([tier, rate]) => tile(rate, 'GMAC/s', `${tier}, registers alone`)),
  ...machine.reads.map(({ level, bytes, gbps }) => tile(gbps, 'GB/s', `reading ${level}, ${size(bytes)}`)),
);
