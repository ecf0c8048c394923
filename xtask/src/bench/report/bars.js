
// A card for each shape: ours, then the peers, the fastest first, on one scale with the limit.
const card = (row) => {
  const others = [...row.peers].sort((a, b) => b.rate - a.rate);
  const scale = Math.max(row.limit, row.rate, ...others.map((peer) => peer.rate));
  const width = (rate) => `${(100 * rate / scale).toFixed(2)}%`;
  const bar = (style, name, rate, text, star = '') => tip(html('div', { class: `bar ${style}` },
    html('span', {}, name),
    html('div', { class: 'track' },
      html('div', { class: 'fill', style: `width: ${width(rate)}` }),
      html('div', { class: 'mark', style: `left: calc(${width(row.limit)} - 2px)` })),
    html('span', {}, number(rate) + star)), text);
  const ratio = row.best_exact ? `${number(row.rate / row.best_exact)} × exact` : '';
  return html('div', { class: 'card' },
    html('h4', {}, row.unit === 'GB/s' ? row.op : row.ns ? `${row.op} ${row.shape}: ${number(row.ns)} ns` : row.shape,
      html('span', {}, [percent(share(row)), ratio].filter(Boolean).join(' · '))),
    bar('ours', 'zeropoint', row.rate,
      `${row.kernel}\n${number(row.rate)} ${row.unit} (${number(row.lo)} to ${number(row.hi)})\nlimit ${number(row.limit)}, scalar ${number(row.rate / row.to_scalar)}`),
    ...others.map((peer) => bar(peer.exact ? 'exact' : 'inexact', peer.library, peer.rate,
      `${peer.name}\n${number(peer.rate)} ${row.unit}, ${peer.exact ? 'exact' : 'results differ from the exact ones'}\nours is ${number(row.rate / peer.rate)} times as fast`,
      peer.exact ? '' : '*')));
};

const bars = (tier) => {
  const titles = { gemm: 'Products M×K×N, GMAC/s', conv: 'Convolutions, GMAC/s', depthwise: 'Depthwise convolutions, GMAC/s', call: 'Single calls, GMAC/s', other: 'Element by element, GB/s' };
  const group = (row) => titles[kind(row)] ? kind(row) : 'other';
  const of = rows.filter((row) => row.isa === tier);
  return Object.entries(titles).flatMap(([name, title]) => {
    const cards = of.filter((row) => group(row) === name).map(card);
    return cards.length ? [html('h3', {}, title), html('div', { class: 'cards' }, ...cards)] : [];
  });
};

const legend = () => {
  const item = (style, text) => html('span', {}, html('i', { class: `swatch ${style}` }), text);
  const all = rows.flatMap((row) => row.peers);
  const items = [item('ours', 'zeropoint'), item('limit', 'limit')];
  if (all.some((peer) => peer.exact)) items.push(item('exact', 'peer, exact'));
  if (all.some((peer) => !peer.exact)) items.push(item('inexact', 'peer, wrong results (*)'));
  return items;
};
id('legend').append(...legend());
if (rows.some((row) => row.peers.length)) id('bars-title').textContent = 'Beside the peers';

const show = (tier) => {
  id('roofline').replaceChildren(roofline(tier));
  id('bars').replaceChildren(...bars(tier));
  for (const button of id('tiers').children) button.setAttribute('aria-pressed', button.textContent === tier);
};
for (const tier of tiers) {
  const button = html('button', { type: 'button' }, tier);
  button.addEventListener('click', () => show(tier));
  id('tiers').append(button);
}
if (tiers.length) show(tiers[0]);
