// NaN where a cell is no number.
const numberOf = text => text === "∞" ? Infinity : Number(text.replaceAll(",", "").replace("−", "-"));
for (const table of document.querySelectorAll("table.sortable")) {
  table.querySelectorAll("thead th").forEach((head, column) => {
    const button = head.querySelector("button");
    if (!button) return;
    button.addEventListener("click", () => {
      // The best first, and then the other way round.
      const first = head.dataset.best === "high" ? "descending" : "ascending";
      const now = head.getAttribute("aria-sort");
      const order = now === null ? first : now === "ascending" ? "descending" : "ascending";
      table.querySelectorAll("thead th").forEach(other => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", order);
      const key = row => row.cells[column]?.dataset.value ?? row.cells[column]?.textContent.trim() ?? "";
      const compare = (a, b) => {
        const [x, y] = [key(a), key(b)], [m, n] = [numberOf(x), numberOf(y)];
        return isNaN(m) || isNaN(n) ? x.localeCompare(y) : m - n;
      };
      // What is missing stays below, whichever way the rest is sorted.
      const known = row => !["", "–", "missing"].includes(key(row));
      const rows = [...table.tBodies[0].rows].sort((a, b) => known(b) - known(a) || (order === "descending" ? compare(b, a) : compare(a, b)));
      table.tBodies[0].append(...rows);
    });
  });
}
for (const field of document.querySelectorAll("input[type=search]")) {
  const part = find(field.getAttribute("aria-controls"));
  field.addEventListener("input", () => {
    const words = field.value.toLowerCase().split(/\s+/);
    for (const row of part.querySelectorAll("tbody tr, [data-filter]")) {
      const text = `${row.dataset.filter ?? ""} ${row.textContent}`.toLowerCase();
      row.hidden = !words.every(word => text.includes(word));
    }
  });
}
