
// Rates over intensity, both in logarithms, under the limits of a tier.
const roofline = (tier) => {
  const points = rows.filter((row) => row.isa === tier && row.roof && !row.ns);
  if (!points.length) return html('p', {}, 'No products were measured.');
  const [width, height] = [1240, 500];
  const [left, right, top, bottom] = [64, width - 24, 24, height - 52];
  const peak = machine.peaks[tier] ?? Math.max(...points.map((row) => row.roof.peak));
  const axis = (values, begin, end) => {
    const [from, to] = [Math.log10(Math.min(...values) / 1.6), Math.log10(Math.max(...values) * 1.6)];
    const at = (value) => begin + (Math.log10(value) - from) / (to - from) * (end - begin);
    const ticks = [];
    for (let power = Math.floor(from); power <= to; power++) {
      for (const digit of [1, 2, 5]) {
        const value = digit * 10 ** power;
        if (Math.log10(value) >= from && Math.log10(value) <= to) ticks.push(value);
      }
    }
    return { at, ticks, least: 10 ** from, most: 10 ** to };
  };
  // Far enough to the left for the slopes of memory to be seen.
  const slopes = machine.reads.filter(({ level }) => level !== 'L1').map(({ gbps }) => peak / gbps / 2);
  const x = axis([...points.map((row) => row.roof.intensity), ...slopes], left, right);
  const y = axis([...points.map((row) => row.rate), peak], bottom, top);
  const line = (style, x1, y1, x2, y2) => svg('line', { class: style, x1, y1, x2, y2 });
  const text = (content, x, y, attributes = {}) => svg('text', { x, y, ...attributes }, content);
  const picture = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': `Roofline of ${tier}` });

  for (const tick of x.ticks) {
    picture.append(line('grid', x.at(tick), top, x.at(tick), bottom));
    picture.append(text(tick, x.at(tick), bottom + 18, { 'text-anchor': 'middle' }));
  }
  for (const tick of y.ticks) {
    picture.append(line('grid', left, y.at(tick), right, y.at(tick)));
    picture.append(text(tick, left - 8, y.at(tick) + 4, { 'text-anchor': 'end' }));
  }
  picture.append(text('multiply-accumulates for each byte of the operands', (left + right) / 2, height - 12, { 'text-anchor': 'middle' }));
  picture.append(text('GMAC/s', left, top - 8, { 'text-anchor': 'end' }));

  picture.append(line('roof', left, y.at(peak), right, y.at(peak)));
  picture.append(text(`registers alone: ${number(peak)} GMAC/s`, right - 4, y.at(peak) - 7, { 'text-anchor': 'end', class: 'roof-name halo' }));
  for (const { level, gbps } of machine.reads) {
    // From where the slope enters the picture to where it meets the roof.
    const begin = Math.max(x.least, y.least / gbps);
    const end = Math.min(x.most, peak / gbps);
    if (begin >= end) continue;
    const ends = [x.at(begin), y.at(begin * gbps), x.at(end), y.at(end * gbps)];
    picture.append(line('slope', ...ends));
    const angle = Math.atan2(ends[3] - ends[1], ends[2] - ends[0]) * 180 / Math.PI;
    const length = Math.hypot(ends[2] - ends[0], ends[3] - ends[1]);
    if (length < 130) continue;
    picture.append(svg('text', {
      class: 'halo', transform: `translate(${ends[0]} ${ends[1]}) rotate(${angle})`, x: 12, y: -5,
    }, `${level} ${number(gbps)} GB/s`));
  }
  const names = { gemm: 'products', conv: 'convolutions', depthwise: 'depthwise convolutions' };
  unique(points.map(kind)).forEach((name, index) => {
    const at = [right - 190, bottom - 62 + 20 * index];
    picture.append(svg('circle', { class: `dot ${name}`, cx: at[0], cy: at[1] - 4, r: 6 }));
    picture.append(text(names[name], at[0] + 14, at[1], { class: 'halo' }));
  });
  for (const row of points) {
    const dot = svg('circle', { class: `dot ${kind(row)}`, cx: x.at(row.roof.intensity), cy: y.at(row.rate), r: 6 });
    picture.append(tip(dot, `${row.op} ${row.shape}\n${number(row.rate)} ${row.unit}, ${percent(share(row))} of the limit\n${number(row.roof.intensity)} MAC a byte\n${row.kernel}`));
  }
  return picture;
};
