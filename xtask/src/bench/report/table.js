
// All rows: what a column shows, and what it is sorted by.
const ratio = (row, to) => to ? row.rate / to : null;
const columns = [
  { head: 'operation', of: (row) => row.op },
  { head: 'shape', of: (row) => row.shape },
  { head: 'tier', of: (row) => row.isa },
  { head: 'rate', of: (row) => row.rate, text: (value, row) => `${number(value)} ${row.unit}` },
  { head: 'slow', of: (row) => row.lo, text: number },
  { head: 'fast', of: (row) => row.hi, text: number },
  { head: 'of the limit', of: share, text: percent },
  { head: 'to scalar', of: (row) => row.to_scalar, text: number },
  { head: 'to best exact', of: (row) => ratio(row, row.best_exact), text: number, peers: true },
  { head: 'to best', of: (row) => ratio(row, row.best), text: number, peers: true },
  { head: 'kernel', of: (row) => row.kernel },
].filter((column) => !column.peers || rows.some((row) => row.peers.length));

const collator = new Intl.Collator('en', { numeric: true });
const compare = (a, b) => {
  // What is not there comes last, either way.
  if (a == null || b == null) return null;
  return typeof a === 'number' ? a - b : collator.compare(a, b);
};
let sorted = { column: null, descending: false };

const body = html('tbody');
const heads = columns.map((column) => {
  const button = html('button', { type: 'button' }, column.head);
  const head = html('th', column.text ? { class: 'n' } : {}, button);
  button.addEventListener('click', () => {
    const again = sorted.column === column;
    sorted = { column, descending: again ? !sorted.descending : Boolean(column.text) };
    heads.forEach((other) => other.removeAttribute('aria-sort'));
    head.setAttribute('aria-sort', sorted.descending ? 'descending' : 'ascending');
    fillTable();
  });
  return head;
});

const fillTable = () => {
  const words = id('filter').value.toLowerCase().split(/[\s,]+/).filter(Boolean);
  const text = (row) => `${row.op} ${row.shape} ${row.isa} ${row.kernel}`.toLowerCase();
  const shown = rows.filter((row) => words.every((word) => text(row).includes(word)));
  const { column, descending } = sorted;
  if (column) {
    shown.sort((one, other) => {
      const [a, b] = [column.of(one), column.of(other)];
      return compare(a, b) === null ? (a == null) - (b == null) : (descending ? -1 : 1) * compare(a, b);
    });
  }
  body.replaceChildren(...shown.map((row) => html('tr', {}, ...columns.map((column) => {
    const value = column.of(row);
    const style = [column.text && 'n', column.peers && value != null && value < 1 && 'behind'].filter(Boolean).join(' ');
    return html('td', style ? { class: style } : {}, column.text ? column.text(value, row) : value);
  }))));
  id('count').textContent = `${shown.length} of ${rows.length} rows`;
};
id('table').append(html('thead', {}, html('tr', {}, ...heads)), body);
id('filter').addEventListener('input', fillTable);
fillTable();
