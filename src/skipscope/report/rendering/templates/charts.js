(function () {
  const root = document.documentElement;
  const codes = { en: "en", zh: "zh-CN" };
  const packed = JSON.parse(document.getElementById("tables").textContent);
  const charts = JSON.parse(document.getElementById("charts").textContent);
  const shared = JSON.parse(document.getElementById("shared").textContent);
  const pictures = JSON.parse(document.getElementById("pictures").textContent);
  const unpacked = {};
  /* a chart whose words do not fit on a telephone is drawn this wide, and scrolls */
  const READABLE = 720;

  /* columns -> rows, once a table */
  function rows(name) {
    if (!(name in unpacked)) {
      const columns = Object.entries(packed[name]).map(([key, column]) =>
        [key, column.values || column.codes.map((code) => column.levels[code])]);
      const length = columns.length ? columns[0][1].length : 0;
      unpacked[name] = Array.from({ length }, (_, i) =>
        Object.fromEntries(columns.map(([key, values]) => [key, values[i]])));
    }
    return unpacked[name];
  }

  /* on a telephone, more than two names beside each other would be cut off */
  function fitted(spec, width) {
    if (width >= 420) return spec;
    const twoColumns = (key, value) => (key === "legend" && value && value.columns > 2 ? { ...value, columns: 2 } : value);
    return JSON.parse(JSON.stringify(spec), twoColumns);
  }

  function embed(element) {
    const spec = fitted(charts[element.dataset.chart], element.clientWidth);
    /* copies: Vega writes into the rows it is given */
    const datasets = { [spec.data.name]: rows(spec.data.name).map((row) => ({ ...row })) };
    return vegaEmbed(element, { ...shared, ...spec, datasets }, { actions: false, renderer: "svg", ast: false });
  }

  function isCutOff(element) {
    const room = element.getBoundingClientRect();
    return [...element.querySelectorAll("svg text")].map((text) => text.getBoundingClientRect())
      .some((box) => box.width && (box.left < room.left - 2 || box.right > room.right + 2));
  }

  async function draw(element) {
    element.dataset.drawn = "yes";
    const narrow = await embed(element);
    if (element.clientWidth >= READABLE || !isCutOff(element)) return;
    narrow.finalize();
    const scroll = Object.assign(document.createElement("div"), { className: "scroll" });
    element.replaceWith(scroll);
    scroll.append(element);
    element.style.width = `${READABLE}px`;
    await embed(element);
  }

  /* one chart at a time, so that the page answers meanwhile */
  async function drawAll(language) {
    for (const element of document.querySelectorAll(`.page[data-in="${language}"] [data-chart]:not([data-drawn])`)) {
      if (root.dataset.language !== language) return;
      await draw(element);
      await new Promise((next) => setTimeout(next, 0));
    }
  }

  function show(language) {
    root.dataset.language = language;
    root.lang = codes[language];
    for (const image of document.querySelectorAll(`.page[data-in="${language}"] img[data-picture]:not([src])`)) {
      image.src = `data:image/webp;base64,${pictures[image.dataset.picture]}`;
    }
    document.title = document.querySelector(`.page[data-in="${language}"]`).dataset.title;
    drawAll(language);
  }

  /* the reader stays at the same section, at the same height on the screen */
  function change(language) {
    const before = [...document.querySelectorAll(`.page[data-in="${root.dataset.language}"] section[id]`)];
    const here = before.filter((section) => section.getBoundingClientRect().top <= 120).pop();
    const top = here ? here.getBoundingClientRect().top : 0;
    show(language);
    const there = here && document.getElementById(language + here.id.slice(2));
    if (there) window.scrollBy({ top: there.getBoundingClientRect().top - top, behavior: "instant" });
    try { localStorage.setItem("skipscope-language", language); } catch (_) { /* then it is not kept */ }
  }

  for (const button of document.querySelectorAll(".switch")) {
    button.addEventListener("click", () => {
      change(button.dataset.to);
      document.querySelector(`.switch[data-in="${root.dataset.language}"]`).focus();
    });
  }

  /* on a narrow screen the contents unfold below the bar, and fold again when one is chosen */
  const folds = [...document.querySelectorAll(".fold")];
  function unfold(fold, open) {
    fold.setAttribute("aria-expanded", String(open));
    document.getElementById(fold.getAttribute("aria-controls")).classList.toggle("open", open);
  }
  for (const fold of folds) {
    fold.addEventListener("click", () => unfold(fold, fold.getAttribute("aria-expanded") !== "true"));
  }
  const close = () => folds.forEach((fold) => unfold(fold, false));
  for (const link of document.querySelectorAll(".contents a")) link.addEventListener("click", close);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") close(); });

  /* the table of contents follows the reader */
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.getAttribute("href").slice(1), a]));
  const watcher = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting || !links.has(entry.target.id)) continue;
      for (const link of links.values()) link.removeAttribute("aria-current");
      links.get(entry.target.id).setAttribute("aria-current", "true");
    }
  }, { rootMargin: "-8% 0px -82% 0px" });
  for (const section of document.querySelectorAll("section[id]")) watcher.observe(section);

  /* a print shows what is folded away on the screen */
  let opened = [];
  window.addEventListener("beforeprint", () => {
    opened = [...document.querySelectorAll(`.page[data-in="${root.dataset.language}"] details:not([open])`)];
    for (const fold of opened) fold.open = true;
  });
  window.addEventListener("afterprint", () => { for (const fold of opened) fold.open = false; });

  show(root.dataset.language);
})();
