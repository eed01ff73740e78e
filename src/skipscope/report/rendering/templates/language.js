/* Which language the page opens in: the address's, else the reader's last choice, else the one it was
   made for, else the browser's. Runs before anything is drawn. */
(function () {
  const root = document.documentElement;
  const known = { en: "en", zh: "zh-CN" };
  const asked = new URLSearchParams(location.search).get("lang") || location.hash.slice(1, 3);
  let kept = null;
  try { kept = localStorage.getItem("skipscope-language"); } catch (_) { /* a page from a file may have no memory */ }
  const own = (navigator.language || "").toLowerCase().startsWith("zh") ? "zh" : "en";
  const language = [asked, kept, root.dataset.fixed, own].find((each) => each in known);
  root.dataset.language = language;
  root.classList.add("scripted"); /* contents may be folded away, since a script unfolds them */
  root.lang = known[language];
})();
